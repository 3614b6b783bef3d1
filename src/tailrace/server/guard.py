"""Who may ask: a token, or nobody but programs of this machine.

Without a token the server listens on the loopback address only. That alone would let any page that
the user visits have his browser ask for things; so requests that a browser sends for another site,
or under another name than the one we have (a name that was made to lead here), are refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Answered to everybody: whoever watches has no token, and learns nothing but that we live.
_OPEN = frozenset({"/health"})
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Guard:
    """Lets requests through that may be answered."""

    def __init__(self, app: ASGIApp, *, token: str | None, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._token = token.encode() if token else None
        self._hosts = _HERE | set(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["path"] not in _OPEN:
            refused = self._refused(Headers(scope=scope))
            if refused is not None:
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refused(self, headers: Headers) -> JSONResponse | None:
        if self._token is not None:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            if scheme.lower() == "bearer" and hmac.compare_digest(
                given.strip().encode(), self._token
            ):
                return None
            line = "the request has no token that is right; send: Authorization: Bearer TOKEN"
            return _answer(401, line, {"WWW-Authenticate": "Bearer"})
        host = headers.get("host", "")
        if _name_in(f"//{host}") not in self._hosts:
            return _answer(403, f'"{host}" is not the name of this server')
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return _answer(403, "pages of other sites may not ask this server")
        return None


def _name_in(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:  # a bracket without its other half
        return None


def _answer(status: int, line: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"errors": [line]}, status, headers)
