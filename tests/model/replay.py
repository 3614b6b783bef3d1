"""Recorded runs, gone through by the model: a step that it does not allow is an error.

A trace has one line for each step (docs/design/model.md). Each runner of a consumer wrote its lines
in order, and so did the admin commands; between them, lines may stand a little out of order, as
they are written after the commit. So the replay looks for an order of the whole that the model
allows and that keeps the order of each runner. What a runner that was killed has done without
writing it down shows in what the next one reads.

Ticks are numbered anew, without gaps. What no line tells of is taken as leniently as possible:
positions of subscribers are at first what they can be at most, and the root makes a tick when it is
first spoken of.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from model.facts import Facts, NotAllowed
from model.invariants import check
from model.orders import ORDERS, concerns
from model.state import Node, State, Violation
from model.steps import STEPS

ADMIN = ("admin",)
MAY_BE_EARLY = {"take", *ORDERS}
# What was told in between, and is not written down yet, counts for these.
HEARING = ("take", "report", "publish", "agree")
COMING_BACK = ("step_down", "forget")
# How many lines may lie between where a line stands and where it belongs. Few are tried first: the
# wider it is, the longer a line that waits in vain may be taken for one that is only late.
WINDOWS = (20, 60, 180)
# A process that is frozen writes down what it has done when it is woken up.
WINDOW_OF_FROZEN = 720
# Of those who live until the end, each writes at least once among so many lines.
LAST_WORDS = 150
# After a failover, the next tick is so much further on (tailrace.promote).
LOST_TICKS = 1_000_000
Done = tuple[int, ...]
"""How many lines of each stream have been gone through."""


class Disallowed(AssertionError):
    """No order of the lines is one that the model allows."""


@dataclass(frozen=True)
class Trace:
    """The lines of one queue, and what they tell of it as a whole."""

    lines: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path, queue: str) -> Trace:
        """Read a file that TAILRACE_TRACE named."""
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return cls([line for line in lines if line.get("queue", queue) == queue])

    def until_the_end(self) -> Trace:
        """Leave out what came after the first of several processes was killed, all at the end.

        Others have seen what it did last, but it could not write it down any more.
        """
        last = {line["consumer"]: n for n, line in enumerate(self.lines) if "consumer" in line}
        ends = [n for n in last.values() if n >= len(self.lines) - LAST_WORDS]
        return Trace(self.lines[: min(ends) + 1]) if ends else self

    def that_lasted(self, crashed: Collection[str]) -> Trace:
        """Leave out what the crash of a server has taken back, on the nodes that it held.

        Two commits do not wait for the disk: that of a mirror's events, since the tick does, and
        that of a batch with others behind it. Both come last in the lines of a runner, and whoever
        is next reads the position that was there before.
        """
        lost: set[int] = set()
        unsure: dict[str, list[int]] = {}
        for index, line in enumerate(self.lines):
            consumer = line.get("consumer")
            if self.workers.get(consumer) not in crashed:
                continue
            mine = unsure.setdefault(consumer, [])
            if line["step"] == "events" or (line["step"] == "apply" and not line.get("sure", True)):
                mine.append(index)
            elif line["step"] == "read" and line["epoch"] is not None:
                lost.update(one for one in mine if self.lines[one]["end"] > line["completed"])
                mine.clear()
            elif line["step"] in ("tick", "apply", "empty"):
                mine.clear()
        return Trace([line for index, line in enumerate(self.lines) if index not in lost])

    def keep(self) -> Path:
        """Write the lines down where they stay."""
        with NamedTemporaryFile("w", prefix="tailrace-trace-", delete=False) as file:
            file.writelines(json.dumps(line) + "\n" for line in self.lines)
        return Path(file.name)

    @cached_property
    def workers(self) -> Mapping[str, str]:
        """The node of each consumer."""
        names = {"read": "consumer", "create": "worker"}
        found = {
            line[names[line["step"]]]: line["node"] for line in self.lines if line["step"] in names
        }
        # one that has only just taken its seat has told of nothing yet
        return {f"{node}.apply": node for node in found.values()} | found

    @cached_property
    def names(self) -> list[str]:
        """The nodes."""
        return sorted(set(self.workers.values()))

    @cached_property
    def ticks(self) -> Mapping[int, int]:
        """The model's number for each tick that is mentioned; the first is before all events.

        When a root is lost, its last ticks are lost with it. The next root's have other ids, in the
        model the same numbers.
        """
        mentioned = {
            line[key]
            for line in self.lines
            for key in ("completed", "newest", "start", "end", "tick")
            if line.get(key) is not None
        }
        last = sorted(
            line["tick"] for line in self.lines if line["step"] == "promote" and line.get("lost")
        )
        numbers: dict[int, int] = {}
        number = 0
        for tick in sorted(mentioned):
            if last and tick > last[0] + LOST_TICKS:
                number = numbers[last.pop(0)]
            number += 1
            numbers[tick] = number
        return numbers

    @cached_property
    def empty(self) -> frozenset[int]:
        """Ticks without events, by the model's numbers.

        Position and tick of such a batch are one transaction, which a runner that is killed may not
        have written down: the next one then finds a tick that nobody has told of.
        """
        told = {line["end"] for line in self.lines if line["step"] == "events"}
        # Made after its events, by whoever found them without it.
        told |= {line["tick"] for line in self.lines if line["step"] == "tick"}
        empty = {line["end"] for line in self.lines if line["step"] == "empty"}
        for line in self.lines:
            read = line["step"] == "read" and line["type"] == "branch"
            if read and line["newest"] == line["completed"] not in told:
                empty.add(line["completed"])
        # Of a tick that was lost with its root, and one that came instead, the latter counts.
        last = {number: tick for tick, number in sorted(self.ticks.items())}
        return frozenset(number for number, tick in last.items() if tick in empty)

    def _of_worker(self, consumer: str | None) -> bool:
        """Whether a line is about a node's worker, and not about another consumer there."""
        return consumer is None or (
            consumer in self.workers and not consumer.endswith(f"{self.workers[consumer]}.apply")
        )

    def facts(self, line: Mapping[str, Any]) -> Facts:
        """What a line says, in the model's numbers."""
        consumer = line.get("consumer", line.get("target", ""))
        node = line.get("node") or self.workers.get(consumer)
        return Facts(
            step=line["step"], line=line, number=self.ticks, names=self.names,
            node=self.names.index(node) if node in self.names else None,
            worker=self._of_worker(line.get("consumer", line.get("target"))),
            empty=self.empty,
        )  # fmt: skip


def streams(lines: Iterable[Mapping[str, Any]]) -> list[list[int]]:
    """Cut the lines into those of each runner and of the commands, by their indexes."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for index, line in enumerate(lines):
        key = (line["consumer"], line["epoch"]) if "consumer" in line else ADMIN
        if key == ADMIN or line["epoch"] is not None:  # a runner that never had the seat
            found.setdefault(key, []).append(index)
    return list(found.values())


SETTINGS = {"pause": "paused", "resume": "paused", "change_provider": "provider"}

CHANGE_BOTH = ("demote", "promote", "step_down", "forget")


def read_before(trace: Trace) -> dict[int, list[int]]:
    """The lines by which workers have read a setting as it was before a command changed it.

    They may stand behind the command's line, and have to be gone through before it.
    """
    found: dict[int, list[int]] = {}
    waiting: dict[tuple[str, str], tuple[int, object]] = {}
    for index, line in enumerate(trace.lines):
        key = None if line.get("unsure") else SETTINGS.get(line["step"])
        if key is not None:
            value = line["step"] == "pause" if key == "paused" else line["provider"]
            waiting[line["target"], key] = (index, value)
        elif line["step"] in CHANGE_BOTH:
            for target, setting in list(waiting):
                if trace.workers.get(target) == line["node"]:
                    del waiting[target, setting]
        elif line["step"] == "read" and line["epoch"] is not None:
            for key in ("paused", "provider"):
                command, value = waiting.get((line["consumer"], key), (index, line[key]))
                if line[key] == value:
                    waiting.pop((line["consumer"], key), None)
                else:
                    found.setdefault(command, []).append(index)
    return found


def replay(trace: Trace, *, frozen: bool = False) -> State:
    """Go through a trace and return where it ends; ``frozen``: one of the processes was."""
    *windows, widest = (*WINDOWS, WINDOW_OF_FROZEN) if frozen else WINDOWS
    for window in windows:
        try:
            return _Search(trace, window).run()
        except Disallowed:
            continue
    return _Search(trace, widest).run()


def replay_or_keep(trace: Trace, *, frozen: bool = False) -> None:
    """Go through a trace; one that is refused is kept, for who has to find out what is wrong."""
    try:
        replay(trace, frozen=frozen)
    except Disallowed as refused:
        refused.add_note(f"the trace is kept in {trace.keep()}")
        raise


@dataclass
class _Point:
    """A point on the way, what can be done there, and which line was taken."""

    done: Done
    ways: Iterator[tuple[int, Done, State]]
    taken: int = -1


class _Search:
    """The earliest line that is allowed comes next; a line that is not allowed yet waits.

    Most steps of one runner take nothing from another's, so going back would not help. Those that
    do, commands and the taking of a seat, may have been written down too early: they are tried
    later, too.
    """

    def __init__(self, trace: Trace, window: int) -> None:
        self._trace = trace
        self._window = window
        self._facts = [trace.facts(line) for line in trace.lines]
        self._streams = streams(trace.lines)
        self._place = {
            index: (stream, k)
            for stream, one in enumerate(self._streams)
            for k, index in enumerate(one)
        }
        self._streams_of_workers = [
            (facts.n, stream)
            for stream, one in enumerate(self._streams)
            if "consumer" in (facts := self._facts[one[0]]).line
            and facts.worker
            and facts.node is not None
        ]
        self._before = read_before(trace)
        self._furthest = 0
        self._why: dict[int, str] = {}

    def run(self) -> State:
        """Return the state after all lines."""
        done, state = (0,) * len(self._streams), _beginning(self._trace)
        path: list[_Point] = []
        for _ in range(3 * len(self._facts) + 1000):
            if all(k == len(one) for k, one in zip(done, self._streams, strict=True)):
                return state
            path.append(_Point(done, self._following(done, state)))
            while (after := next(path[-1].ways, None)) is None:
                if not self._go_back(path):
                    raise self._refused()
            path[-1].taken, done, state = after
        raise self._refused()

    def _go_back(self, path: list[_Point]) -> bool:
        """To what was perhaps done too early to the node of the line that waits longest."""
        waiting = min(self._heads(path.pop().done))[0]
        while path:
            index = path[-1].taken
            taken, same = self._facts[index], self._facts[waiting].node
            if index < waiting and taken.step in MAY_BE_EARLY and taken.node == same:
                return True
            path.pop()
        return False

    def _refused(self) -> Disallowed:
        reasons = "\n".join(self._why.values())
        return Disallowed(f"after {self._furthest} steps none of these is allowed:\n{reasons}")

    def _heads(self, done: Done) -> list[tuple[int, int]]:
        """The next line of each runner, and which one that is."""
        return [
            (indexes[k], stream)
            for stream, (k, indexes) in enumerate(zip(done, self._streams, strict=True))
            if k < len(indexes)
        ]

    def _following(self, done: Done, state: State) -> Iterator[tuple[int, Done, State]]:
        """The ways to go on, the likeliest first."""
        heads = sorted(self._heads(done))
        for index, stream in heads:
            if index > heads[0][0] + self._window:
                return
            if not all(self._is_done(done, one) for one in self._before.get(index, ())):
                continue
            after = self._try(done, state, index)
            unsure = self._facts[index].line.get("unsure")
            rest = (*done[:stream], done[stream] + 1, *done[stream + 1 :])
            if after is not None:
                yield index, rest, after
                if self._facts[index].step not in MAY_BE_EARLY and not unsure:
                    return
            if unsure:  # nobody knows whether it was committed
                yield index, rest, state

    def _next_of_workers(self, done: Done, state: State, index: int) -> dict[int, str | None]:
        """What the runner that each worker has writes next, after what a line may already know of.

        A runner writes down what it has done before it does more. So what it had done, but not
        written, when the line was written comes after the last line that it had written then.
        """
        found = {}
        for number, stream in self._streams_of_workers:
            one, k = self._streams[stream], done[stream]
            has_seat = self._facts[one[0]].line["epoch"] == state.nodes[number].epoch
            if has_seat and k and one[k - 1] < index:
                found[number] = self._facts[one[k]].step if k < len(one) else None
        return found

    def _is_done(self, done: Done, index: int) -> bool:
        stream, k = self._place[index]
        return done[stream] > k

    def _try(self, done: Done, state: State, index: int) -> State | None:
        steps, facts = sum(done), self._facts[index]
        if not _counts(state, facts):
            return state
        if facts.step in HEARING:
            facts = replace(facts, next_lines=self._next_of_workers(done, state, index))
        if steps > self._furthest:
            self._furthest, self._why = steps, {}
        try:
            after = (ORDERS.get(facts.step) or STEPS[facts.step])(state, facts)
            check(state, after)
        except (NotAllowed, Violation) as reason:
            if steps == self._furthest:
                self._why[index] = f"line {index + 1} {self._trace.lines[index]}: {reason}"
            return None
        return after


def _counts(state: State, facts: Facts) -> bool:
    """Whether a line has to be looked at."""
    if facts.step == "create":
        return True
    if facts.step in ORDERS and not concerns(state, facts):
        return False
    # What becomes of a lost database is of no concern until it has forgotten its own ways.
    return facts.node is None or state.living(facts.node) or facts.step in COMING_BACK


def _beginning(trace: Trace) -> State:
    """Nobody is there yet; each node appears when it is made, or first read by its worker."""
    everybody = (1 << len(trace.names)) - 1
    nodes = []
    for _ in trace.names:
        nodes.append(Node(
            kind="", wanted="", provider=0, completed=0, paused=False, uptodate=True,
            runner=None, stale=None, writable=False, ticks=(), seen=0, stored=0, open=0, seq=0,
            watermark=1, subscribers=(), marks=(), base=0, tables=False, applied=0,
            applied_tick=-1, known=everybody, dead=0,
            group=(), late=0, came_with=0,
        ))  # fmt: skip
    plenty = 1_000_000
    return State(
        nodes=tuple(nodes), alive=everybody, events=(), truth=(0, 0), goal=None, back=0,
        writes=plenty, publishes=plenty, replacements=plenty,
    )  # fmt: skip
