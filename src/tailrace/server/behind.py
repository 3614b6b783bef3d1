"""The gateway that we stand in front of, as a place to send requests to.

What it answers is handed on byte by byte: reading and writing JSON anew would round its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import Response

from tailrace.errors import UsageError, one_line, without_secrets
from tailrace.server.refused import NoAnswer

# What of a request goes on: neither the token, which is ours, nor what belongs to the connection.
_HEADERS = ("accept", "accept-encoding", "content-type")
_PATIENCE = httpx.Timeout(600.0, connect=5.0)


class Behind:
    """A SQL Gateway of Flink."""

    def __init__(self, url: str) -> None:
        url = url if "://" in url else f"http://{url}"
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f'"{without_secrets(url)}" is not the address of a SQL Gateway',
                hint="write http://host:8083 or host:8083",
            )
        self.url = url.rstrip("/")
        self._shown = without_secrets(self.url)
        # The user has named it: no proxy of the environment comes between.
        self._http = httpx.AsyncClient(timeout=_PATIENCE, trust_env=False)

    async def close(self) -> None:
        """End its connections."""
        await self._http.aclose()

    async def pass_on(self, request: Request, body: bytes) -> httpx.Response:
        """Send a request as it came."""
        headers = {
            name: request.headers[name] for name in _HEADERS if name in request.headers
        }  # fmt: skip
        query = request.url.query
        target = request.scope["raw_path"].decode() + (f"?{query}" if query else "")
        return await self.send(request.method, target, body, headers)

    async def send(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a request and return what was answered, whatever it is."""
        try:
            return await self._http.request(
                method, self.url + target, content=body, headers=dict(headers or {})
            )
        except httpx.HTTPError as error:
            reason = one_line(str(error)).lower() or type(error).__name__
            raise NoAnswer(f"the SQL Gateway at {self._shown} does not answer: {reason}") from error


def relayed(answer: httpx.Response) -> Response:
    """An answer as it came."""
    kind = answer.headers.get("content-type", "application/json")
    return Response(answer.content, answer.status_code, {"Content-Type": kind})
