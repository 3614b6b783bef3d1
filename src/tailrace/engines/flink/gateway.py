"""SQL through a SQL Gateway: its REST protocol, versions V2 to V4.

A statement is handed in, then its result is fetched page by page. The gateway answers "not ready"
and, while a query has no rows, empty pages at once; so we wait a little longer each time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from tailrace.engines.flink import words
from tailrace.engines.flink.http import Answer, Client, Unanswered
from tailrace.engines.flink.sql import SqlResult
from tailrace.errors import Unsupported, UsageError

_VERSIONS = ("V4", "V3", "V2")
_PAUSE, _LONGEST_PAUSE = 0.01, 0.5


class GatewaySession:
    """A session on a SQL Gateway."""

    def __init__(self, client: Client, version: str, handle: str) -> None:
        self._client = client
        self._base = f"/{version.lower()}/sessions/{handle}"

    @classmethod
    async def open(
        cls, url: str, settings: Mapping[str, str], *, timeout: float = 30.0
    ) -> GatewaySession:
        """Begin a session, in the newest version of the protocol that both sides know."""
        client = Client(url, what="the Flink SQL Gateway", timeout=timeout)
        try:
            version = _version(await client.request("GET", "/api_versions"), client.url)
            answer = await client.request(
                "POST",
                f"/{version.lower()}/sessions",
                {"sessionName": "tailrace", "properties": dict(settings)},
                once=True,
            )
            handle = str(_good(answer, "no session was opened").body["sessionHandle"])
        except BaseException:
            await client.close()
            raise
        return cls(client, version, handle)

    async def close(self) -> None:
        """End the session; what runs goes on."""
        try:
            await self._client.request("DELETE", self._base, timeout=5.0)
        except Unanswered:
            pass  # it ends by itself after a while
        finally:
            await self._client.close()

    async def run(self, statement: str) -> SqlResult:
        """Carry out one statement and fetch all of its rows."""
        body = {"statement": statement}
        answer = await self._client.request("POST", f"{self._base}/statements", body, once=True)
        handle = str(_good(answer, "the statement was not taken").body["operationHandle"])
        operation = f"{self._base}/operations/{handle}"
        ended = False
        try:
            result = await self._fetch(f"{operation}/result/0?rowFormat=JSON")
            ended = True
            return result
        finally:
            if not ended:  # cancelling does not end a query that streams: closing does
                with suppress(Unanswered):
                    await self._client.request("DELETE", f"{operation}/close", timeout=5.0)

    async def _fetch(self, uri: str | None) -> SqlResult:
        columns: tuple[str, ...] = ()
        rows: list[list[object]] = []
        kinds: list[str] = []
        engine_id: str | None = None
        pause = _PAUSE
        while uri is not None:
            page = _good(await self._client.request("GET", uri), "the statement failed").body
            engine_id = page.get("jobID") or engine_id
            results = page.get("results") or {}
            if results.get("columns"):
                columns = tuple(str(one["name"]) for one in results["columns"])
            new = results.get("data") or ()
            rows += [list(one["fields"]) for one in new]
            kinds += [str(one["kind"]) for one in new]
            if page["resultType"] == "EOS":
                break
            uri = _local_part(page.get("nextResultUri"))
            if not new:
                await asyncio.sleep(pause)
                pause = min(pause * 1.6, _LONGEST_PAUSE)
            else:
                pause = _PAUSE
        changing = any(kind != "INSERT" for kind in kinds)
        started = engine_id or _job_in(columns, rows)
        return SqlResult(columns, rows, started, _signs(kinds) if changing else None)


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


def _signs(kinds: list[str]) -> list[str]:
    return [_SIGNS.get(kind, kind) for kind in kinds]


def _job_in(columns: tuple[str, ...], rows: list[list[object]]) -> str | None:
    """INSERT answers with a single row that holds the id of what it has started."""
    if [name.lower() for name in columns] == ["job id"] and len(rows) == 1:
        text = str(rows[0][0])
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
