"""SQL through a SQL Gateway: its REST protocol, versions V2 to V4.

A statement is handed in, then its result is fetched page by page. The gateway answers "not ready"
and, while a query has no rows, empty pages at once; so we wait a little longer each time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from tailrace.engines.flink import words
from tailrace.engines.flink.composed import of_json
from tailrace.engines.flink.http import Answer, Client, Unanswered
from tailrace.engines.flink.sql import (
    BeforeEnd,
    Row,
    Rows,
    Shape,
    SqlResult,
    at_once,
    collected,
)
from tailrace.engines.flink.sqltype import SqlType
from tailrace.errors import Unsupported, UsageError

_VERSIONS = ("V4", "V3", "V2")
_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
# What is said of one run. It goes with each statement: no session of a gateway should keep it, and
# one of ours, which may be the gateway, refuses to.
_OF_A_RUN = ("pipeline.name", "execution.state-recovery.", "$internal.")


class GatewaySession:
    """A session on a SQL Gateway."""

    def __init__(
        self,
        client: Client,
        version: str,
        handle: str,
        before_end: BeforeEnd,
        of_a_run: Mapping[str, str],
    ) -> None:
        self._client = client
        self._of_a_run = dict(of_a_run)
        self._before_end = before_end
        self._base = f"/{version.lower()}/sessions/{handle}"
        self._reading: list[GatewayRows] = []

    @classmethod
    async def open(
        cls,
        url: str,
        settings: Mapping[str, str],
        before_end: BeforeEnd = at_once,
        *,
        timeout: float = 30.0,
    ) -> GatewaySession:
        """Begin a session, in the newest version of the protocol that both sides know."""
        client = Client(url, what="the Flink SQL Gateway", timeout=timeout, exact=True)
        try:
            version = _version(await client.request("GET", "/api_versions"), client.url)
            of_a_run = {key: settings[key] for key in settings if key.startswith(_OF_A_RUN)}
            lasting = {key: settings[key] for key in settings if key not in of_a_run}
            answer = await client.request(
                "POST",
                f"/{version.lower()}/sessions",
                {"sessionName": "tailrace", "properties": lasting},
                once=True,
            )
            handle = str(_good(answer, "no session was opened").body["sessionHandle"])
        except BaseException:
            await client.close()
            raise
        return cls(client, version, handle, before_end, of_a_run)

    async def close(self) -> None:
        """End the session, and its queries; jobs that run go on."""
        try:
            await self._client.request("DELETE", self._base, timeout=5.0)
        except Unanswered:
            pass  # it ends by itself after a while
        finally:
            await self._client.close()

    @property
    def is_read(self) -> bool:
        """Whether rows of a statement are still to come."""
        return any(not one.ended for one in self._reading)

    async def run(self, statement: str) -> SqlResult:
        """Carry out one statement and fetch all of its rows."""
        return await collected(await self.start(statement))

    async def start(self, statement: str) -> Rows:
        """Have one statement carried out; its rows are fetched as they come."""
        body: dict[str, object] = {"statement": statement}
        if self._of_a_run:
            body["executionConfig"] = self._of_a_run
        answer = await self._client.request("POST", f"{self._base}/statements", body, once=True)
        handle = str(_good(answer, "the statement was not taken").body["operationHandle"])
        rows = GatewayRows(self._client, f"{self._base}/operations/{handle}", self._before_end)
        try:
            await rows.begin()
        except BaseException:
            await rows.close()
            raise
        self._reading = [one for one in self._reading if not one.ended] + [rows]
        return rows


class GatewayRows:
    """The rows of an operation, page by page."""

    def __init__(self, client: Client, operation: str, before_end: BeforeEnd) -> None:
        self.shape = Shape()
        self._before_end = before_end
        self._client = client
        self._operation = operation
        self._next: str | None = f"{operation}/result/0?rowFormat=JSON"
        self._waiting: list[Row] = []
        self._pause = _PAUSE
        self.ended = False

    async def begin(self) -> None:
        """Wait until it is known what the rows are."""
        while self._next is not None and not await self._turn():
            await self._rest(None)

    async def more(self, within: float | None = None) -> list[Row] | None:
        """Rows that have come; none: not one within this time; None: there will be no more."""
        loop = asyncio.get_running_loop()
        deadline = None if within is None else loop.time() + within
        while not self._waiting and self._next is not None:
            await self._turn()
            if not self._waiting and self._next is not None:
                if deadline is not None and loop.time() >= deadline:
                    return []
                await self._rest(deadline)
        rows, self._waiting = self._waiting, []
        self.ended = self._next is None
        return rows or None

    async def close(self) -> None:
        """Give the operation up: cancelling does not end a query that streams, closing does."""
        if not self.ended:
            self.ended, self._next = True, None
            if self.shape.engine_id is not None:
                await self._before_end(self.shape.engine_id)
            with suppress(Unanswered):
                await self._client.request("DELETE", f"{self._operation}/close", timeout=5.0)

    async def _turn(self) -> bool:
        """Fetch a page; say whether it tells what the columns are."""
        assert self._next is not None
        page = _good(await self._client.request("GET", self._next), "the statement failed").body
        results = page.get("results") or {}
        columns = results.get("columns") or ()
        if columns:
            self.shape = _shape(page, columns, self.shape)
        new = results.get("data") or ()
        types = self.shape.types
        self._waiting += [
            Row(
                _sign(one["kind"]),
                [of_json(*pair) for pair in zip(one["fields"], types, strict=True)],
            )
            for one in new
        ]
        self._pause = _PAUSE if new else self._pause
        ends = page["resultType"] == "EOS"
        self._next = None if ends else _local_part(page.get("nextResultUri"))
        started = self.shape.engine_id or _job_in(self.shape.columns, self._waiting)
        self.shape = self.shape._replace(engine_id=started)
        return bool(columns)

    async def _rest(self, deadline: float | None) -> None:
        left = self._pause
        if deadline is not None:
            left = min(left, max(0.0, deadline - asyncio.get_running_loop().time()))
        await asyncio.sleep(left)
        self._pause = min(self._pause * 1.6, _LONGEST_PAUSE)


def _shape(page: Any, columns: Sequence[Any], before: Shape) -> Shape:
    return Shape(
        tuple(str(one["name"]) for one in columns),
        tuple(SqlType.described(one.get("logicalType") or {}) for one in columns),
        page.get("jobID") or before.engine_id,
        is_query=bool(page.get("isQueryResult")),
        has_content=page.get("resultKind") != "SUCCESS",
    )


def _version(answer: Answer, url: str) -> str:
    """The newest version of the protocol that both sides know."""
    known = answer.body.get("versions") if isinstance(answer.body, dict) else None
    if not isinstance(known, list):
        raise UsageError(
            f"what answers at {url} is no Flink SQL Gateway",
            hint="its REST interface has port 8083 where nobody chose another one",
        )
    version = next((one for one in _VERSIONS if one in known), None)
    if version is None:
        raise Unsupported(
            f"the SQL Gateway at {url} speaks {', '.join(map(str, known))}, "
            f"and tailrace {', '.join(_VERSIONS)}"
        )
    return version


_SIGNS = {"INSERT": "+I", "UPDATE_BEFORE": "-U", "UPDATE_AFTER": "+U", "DELETE": "-D"}
_JOB_ID = re.compile(r"[0-9a-f]{32}")


def _sign(kind: object) -> str:
    return _SIGNS.get(str(kind), str(kind))


def _job_in(columns: tuple[str, ...], rows: Sequence[Row]) -> str | None:
    """INSERT answers with a single row that holds the id of what it has started."""
    if [name.lower() for name in columns] == ["job id"] and len(rows) == 1:
        text = str(rows[0].fields[0])
        return text if _JOB_ID.fullmatch(text) else None
    return None


def _local_part(uri: str | None) -> str | None:
    """A link without its host: behind a proxy the gateway does not know how it is reached."""
    if uri is None:
        return None
    parts = urlsplit(uri)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _good(answer: Answer, what: str) -> Any:
    if answer.good:
        return answer
    raise words.error_of(words.reasons(answer.body), what)
