"""Listening: the application, the socket, TLS, and an orderly end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from tailrace.errors import UsageError, one_line
from tailrace.server.place import Place
from tailrace.server.sessions import Sessions

_GRACE = 5


class _Server(uvicorn.Server):
    """Signals are the supervisor's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


class Listener:
    """The service that answers requests."""

    name = "http"

    def __init__(
        self, app: ASGIApp, place: Place, listening: socket.socket, sessions: Sessions
    ) -> None:
        self._sessions = sessions
        self._listening = listening
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
            ssl_certfile=place.certificate,
            ssl_keyfile=place.key,
        )
        try:
            config.load()
        except OSError as error:  # of TLS: the files are there, and hold something else
            listening.close()
            raise UsageError(
                f'"{place.certificate}" and its key cannot be used: {one_line(str(error))}'
            ) from None
        self._server = _Server(config)

    async def run(self) -> None:
        """Answer until told to stop."""
        try:
            await self._server.serve([self._listening])
        finally:
            self._listening.close()
            await self._sessions.close_all()

    def request_stop(self) -> None:
        """Answer what is waiting, and end."""
        self._sessions.hurry()
        self._server.should_exit = True
