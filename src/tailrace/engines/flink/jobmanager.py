"""The calls of the JobManager's REST interface that we need, and what they answer.

Facts about them: architecture's spec/flink.md 4. Two must be known to read this: the target of a
savepoint is ``target-directory`` in one call and ``targetDirectory`` in the other, and what was
triggered is asked for under the id that we chose.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tailrace.engines.base import Checkpoint, Made, Run, Wish
from tailrace.engines.flink import words
from tailrace.engines.flink.http import Answer, Client, Unanswered, place_of
from tailrace.errors import NotFound, TailraceError, UsageError

# A JobManager that is starting or electing its leader, or a proxy that does not find it.
_NOT_NOW = (502, 503, 504)
# The setting by which a cluster of ``tailrace flink start`` tells its name.
NAME = "tailrace.cluster"
_WAITING = ("created", "scheduled", "deploying", "initializing", "reconciling")


class JobManager:
    """A conversation with the JobManager of one cluster."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 30.0,
        connect_timeout: float = 5.0,
        client: Client | None = None,
    ) -> None:
        self._client = client or Client(
            url,
            what="the Flink JobManager",
            timeout=timeout,
            connect_timeout=connect_timeout,
        )
        self.url = self._client.url
        self.place = place_of(self.url)

    async def close(self) -> None:
        """End the conversation."""
        await self._client.close()

    # ------------------------------------------------------------ looking

    async def runs(self) -> list[Run]:
        """All runs that the cluster knows."""
        answer = await self._client.request("GET", "/jobs/overview")
        if answer.status == 404 or (answer.good and not _holds(answer, "jobs")):
            raise UsageError(
                f"what answers at {self.url} is no Flink JobManager",
                hint="its REST interface has port 8081 where nobody chose another one",
            )
        return [_run(one) for one in _good(answer, "the list of jobs").body["jobs"]]

    async def state(self, engine_id: str) -> str | None:
        """The state of one run, never an old one; None: the cluster does not know it."""
        answer = await self._client.request("GET", f"/jobs/{engine_id}/status")
        if _is_unknown(answer):
            return None
        return str(_good(answer, f"status of job {engine_id}").body["status"])

    async def is_opening(self, engine_id: str) -> bool:
        """Whether tasks of a run are about to begin: deployed, or with slots free to be."""
        answer = await self._asked("GET", "/jobs/overview", "the list of jobs")
        run = next((one for one in answer.body["jobs"] if one["jid"] == engine_id), None)
        if run is None or run["state"] not in ("INITIALIZING", "CREATED", "RUNNING"):
            return False
        tasks = run["tasks"]
        if tasks.get("deploying") or tasks.get("initializing"):
            return True
        waiting = tasks.get("created") or tasks.get("scheduled") or not tasks.get("total")
        return bool(waiting) and (await self.slots())[0] > 0

    async def why_failed(self, engine_id: str) -> str | None:
        """What ended a run or restarts it, all of it; None: nothing is known."""
        answer = await self._client.request("GET", f"/jobs/{engine_id}/exceptions?maxExceptions=1")
        if not answer.good or not isinstance(answer.body, dict):
            return None
        entries = answer.body.get("exceptionHistory", {}).get("entries") or []
        newest = entries[0].get("stacktrace") if entries else None
        return newest or answer.body.get("root-exception")

    async def checkpoints(self, engine_id: str) -> list[Checkpoint]:
        """What is remembered of a run's checkpoints, newest first; its savepoints among them."""
        what = f"checkpoints of job {engine_id}"
        answer = await self._client.request("GET", f"/jobs/{engine_id}/checkpoints")
        if answer.status == 404 and "Checkpointing has not been enabled" in str(answer.body):
            return []
        body = _good(answer, what).body
        return [_checkpoint(one) for one in body.get("history") or ()]

    async def has_run(self, engine_id: str) -> bool | None:
        """Whether all tasks of a run have worked at once, now or before; None: it is forgotten.

        That is so where it has completed a checkpoint; of one that has not, the last attempt tells.
        """
        what = f"tasks of job {engine_id}"
        answer = await self._client.request("GET", f"/jobs/{engine_id}")
        if _is_unknown(answer):
            return None
        vertices = _good(answer, what).body["vertices"]
        counts = await self._client.request("GET", f"/jobs/{engine_id}/checkpoints")
        if _holds(counts, "counts") and counts.body["counts"]["completed"]:
            return True
        for vertex in vertices:
            path = f"/jobs/{engine_id}/vertices/{vertex['id']}/subtasktimes"
            subtasks = (await self._asked("GET", path, what)).body["subtasks"]
            if not all(one["timestamps"]["RUNNING"] for one in subtasks):
                return False
        return bool(vertices)

    async def settings(self) -> dict[str, str]:
        """The settings of the cluster."""
        body = (await self._asked("GET", "/jobmanager/config", "the settings")).body
        return {str(one["key"]): str(one["value"]) for one in body}

    async def name(self) -> str | None:
        """The name of a cluster that ``tailrace flink start`` has made; None: it has none."""
        try:
            return (await self.settings()).get(NAME)
        except Unanswered:
            raise
        except TailraceError:  # a proxy may keep the settings to itself
            return None

    async def version(self) -> str:
        """The version of Flink."""
        return str((await self._asked("GET", "/config", "the version")).body["flink-version"])

    async def slots(self) -> tuple[int, int]:
        """How many slots are free, of how many."""
        body = (await self._asked("GET", "/overview", "the overview")).body
        return int(body["slots-available"]), int(body["slots-total"])

    # ------------------------------------------------------------ acting

    async def cancel(self, engine_id: str) -> None:
        """End a run where it is; one that has ended is left alone."""
        answer = await self._client.request("PATCH", f"/jobs/{engine_id}?mode=cancel")
        if answer.status == 409:  # it has reached a terminal state already
            return
        _good(answer, f"job {engine_id} cannot be stopped")

    async def trigger(self, wish: Wish) -> None:
        """Ask for a savepoint; asking again with the same id makes no second one."""
        if wish.stop:
            path = f"/jobs/{wish.engine_id}/stop"
            body = {"drain": wish.drain, "targetDirectory": wish.directory}
        else:
            path = f"/jobs/{wish.engine_id}/savepoints"
            body = {"cancel-job": False, "target-directory": wish.directory}
        answer = await self._client.request(
            "POST", path, {**body, "formatType": "CANONICAL", "triggerId": wish.savepoint_id}
        )
        _good(answer, "no savepoint was made")

    async def triggered(self, wish: Wish) -> Made | None:
        """What became of it; None: the cluster knows nothing of it, or has forgotten."""
        path = f"/jobs/{wish.engine_id}/savepoints/{wish.savepoint_id}"
        answer = await self._client.request("GET", path)
        if answer.status == 404:
            return None
        body = _good(answer, "the savepoint cannot be asked after").body
        if body["status"]["id"] != "COMPLETED":
            return Made()
        operation = body.get("operation") or {}
        failed = words.failure(operation)
        return Made(error=failed) if failed else Made(path=str(operation["location"]))

    async def dispose(self, path: str) -> str:
        """Ask for the removal of a savepoint; returns the id of the request."""
        what = f'savepoint "{path}" cannot be removed'
        answer = await self._asked("POST", "/savepoint-disposal", what, {"savepoint-path": path})
        return str(answer.body["request-id"])

    async def disposed(self, request: str, path: str) -> bool:
        """Whether a removal has been done; raises when it failed or is not known any more."""
        what = f'savepoint "{path}" cannot be removed'
        body = (await self._asked("GET", f"/savepoint-disposal/{request}", what)).body
        if body["status"]["id"] != "COMPLETED":
            return False
        failed = words.failure(body.get("operation"))
        if failed:
            raise words.error_of(failed, what)
        return True

    async def _asked(self, method: str, path: str, what: str, body: object = None) -> Answer:
        return _good(await self._client.request(method, path, body), what)


def _holds(answer: Answer, key: str) -> bool:
    return isinstance(answer.body, dict) and key in answer.body


def _good(answer: Answer, what: str) -> Answer:
    text = words.reasons(answer.body)
    if answer.status in _NOT_NOW:
        raise Unanswered(f"{what}: the Flink JobManager is not ready ({answer.status})", stack=text)
    if answer.good and not isinstance(answer.body, str):
        return answer
    if _is_unknown(answer):
        raise NotFound(f"{what}: the cluster does not know it", stack=text)
    raise words.error_of(text, what)


def _is_unknown(answer: Answer) -> bool:
    """Whether it says that there is no such job; not every call says so by its status."""
    said = ("not found", "could not be found", "Could not find Flink job")
    return not answer.good and words.is_about(words.reasons(answer.body), said)


def _run(body: dict[str, Any]) -> Run:
    tasks = body.get("tasks") or {}
    return Run(
        engine_id=str(body["jid"]),
        name=str(body["name"]),
        state=str(body["state"]),
        batch=body.get("jobType") == "BATCH",
        start=_moment(body["start-time"]) or datetime.now(UTC),
        end=_moment(body["end-time"]),
        tasks=int(tasks.get("total", 0)),
        waiting=sum(int(tasks.get(word, 0)) for word in _WAITING),
    )


def _checkpoint(body: dict[str, Any]) -> Checkpoint:
    kind = str(body.get("checkpoint_type", "")).lower()
    done = body.get("latest_ack_timestamp") if body["status"] == "COMPLETED" else None
    return Checkpoint(
        number=int(body["id"]),
        kind="savepoint" if body.get("is_savepoint") else kind.replace("_", " ") or "checkpoint",
        status=str(body["status"]),
        completed=_moment(done),
        size=body.get("state_size"),
        path=body.get("external_path"),
        ends=body.get("checkpoint_type") == "SYNC_SAVEPOINT",
    )


def _moment(milliseconds: int | None) -> datetime | None:
    if milliseconds is None or milliseconds < 0:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
