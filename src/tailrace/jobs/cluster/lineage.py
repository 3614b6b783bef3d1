"""The graph of a cluster's jobs and of what they read and write, as indented lists.

Two jobs share a relation when it is the same place; names alone say it only where the place is not
known. A graph may have cycles: what has been shown above is named once more and not gone into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tailrace.engines.base import Relation
from tailrace.jobs.cluster.model import ClusterJob, Definition

COLUMNS = ("level", "kind", "name", "job id", "status")
Row = tuple[object, ...]


class Graph:
    """Jobs and relations; both are known by a key."""

    def __init__(self, jobs: Sequence[tuple[ClusterJob, Definition]]) -> None:
        self._rows: dict[str, Row] = {}
        self._after: dict[str, list[str]] = {}
        self._before: dict[str, list[str]] = {}
        for job, definition in jobs:
            self._rows[job.job_id] = ("job", job.job_name, job.job_id, str(job.status))
            for one in definition.reads:
                self._join(self._relation(one), job.job_id)
            for one in definition.writes:
                self._join(job.job_id, self._relation(one))

    def _relation(self, relation: Relation) -> str:
        key = f"relation {relation.place or relation.name}"
        shown = relation.name if relation.place is None else f"{relation.name} ({relation.place})"
        self._rows.setdefault(key, ("table", shown, None, None))
        return key

    def _join(self, above: str, below: str) -> None:
        for ends, one, other in ((self._after, above, below), (self._before, below, above)):
            if other not in ends.setdefault(one, []):
                ends[one].append(other)

    def downstream(self, job_id: str) -> list[Row]:
        """A job and everything that depends on it."""
        return self._tree([job_id], self._next(self._after))

    def upstream(self, job_id: str) -> list[Row]:
        """A job and everything that it depends on."""
        return self._tree([job_id], self._next(self._before))

    def around(self, job_id: str) -> list[Row]:
        """The whole graph that holds a job, from its sources down."""
        members = self._component(job_id)
        return self._tree(self._sources(members), self._next(self._after))

    def everything(self) -> list[Row]:
        """Every graph, one after the other."""
        rows: list[Row] = []
        left = dict.fromkeys(self._rows)
        while left:
            members = self._component(next(iter(left)))
            rows += self._tree(self._sources(members), self._next(self._after))
            left = {key: None for key in left if key not in members}
        return rows

    @staticmethod
    def _next(ends: dict[str, list[str]]) -> Callable[[str], list[str]]:
        return lambda key: ends.get(key, [])

    def _component(self, start: str) -> set[str]:
        found: set[str] = set()
        waiting = [start]
        while waiting:
            key = waiting.pop()
            if key not in found:
                found.add(key)
                waiting += [*self._after.get(key, ()), *self._before.get(key, ())]
        return found

    def _sources(self, members: Iterable[str]) -> list[str]:
        """Where a graph begins; in a circle, anywhere."""
        ordered = [key for key in self._rows if key in set(members)]
        return [key for key in ordered if not self._before.get(key)] or ordered[:1]

    def _tree(self, starts: list[str], following: Callable[[str], list[str]]) -> list[Row]:
        rows: list[Row] = []
        seen: set[str] = set()
        waiting = [(0, key) for key in reversed(starts)]
        while waiting:
            level, key = waiting.pop()
            rows.append((level, *self._rows[key]))
            if key not in seen:
                seen.add(key)
                waiting += [(level + 1, one) for one in reversed(following(key))]
        return rows
