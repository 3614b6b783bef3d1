"""The application: routes, errors, and who may ask."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from tailrace import log
from tailrace.errors import TailraceError, one_line
from tailrace.server.guard import Guard
from tailrace.server.refused import Refused, error_body

_logger = log.get(__name__)


def application(
    routes: Sequence[BaseRoute], *, token: str | None = None, hosts: Sequence[str] = ()
) -> ASGIApp:
    """Put it together."""
    app = Starlette(
        routes=routes,
        exception_handlers={
            TailraceError: _complained,
            HTTPException: _refused,
            Exception: _broken,
        },
    )
    app.router.redirect_slashes = False
    return Guard(app, token=token, hosts=hosts)


async def _complained(_: Request, error: Exception) -> Response:
    """Every error of ours; the protocol's status for them is 500, whatever they are."""
    assert isinstance(error, TailraceError)
    status = error.status if isinstance(error, Refused) else 500
    return JSONResponse(error_body(error), status)


async def _refused(request: Request, error: Exception) -> Response:
    """What the router refuses."""
    assert isinstance(error, HTTPException)
    line = f'there is nothing at "{request.url.path}" for {request.method}'
    return JSONResponse({"errors": [line]}, error.status_code, error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    """A mistake of ours."""
    _logger.error("%s %s", request.method, request.url.path, exc_info=error)
    name = type(error).__name__
    found = TailraceError(f"internal error: {name}: {one_line(str(error))}")
    return JSONResponse(error_body(found), 500)
