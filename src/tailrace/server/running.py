"""The server as a whole: what is answered, who may ask, and the services that do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from tailrace.server.app import application
from tailrace.server.behind import Behind
from tailrace.server.limits import Limits
from tailrace.server.metrics import Metrics, Watching
from tailrace.server.place import Place
from tailrace.server.protocol import Protocol
from tailrace.server.proxy import Proxy
from tailrace.server.serving import Listener
from tailrace.server.sessions import Sessions
from tailrace.server.verbs import Verbs
from tailrace.service import Loop, run_services

# Sessions are looked at so often, or a few times within the time that they may be unused.
_SWEEP = 30.0


def assembled(
    sessions: Sessions,
    metrics: Metrics,
    *,
    token: str | None = None,
    host: str = "localhost",
    behind: Behind | None = None,
) -> ASGIApp:
    """The application; with a gateway behind it, in front of that."""
    routes: list[BaseRoute] = [*Watching(sessions, metrics).routes(), *Verbs(sessions).routes()]
    answering = Protocol(sessions) if behind is None else Proxy(sessions, behind)
    return application([*routes, *answering.routes()], token=token, hosts=[host])


def in_front(defaults: Mapping[str, str], url: str) -> dict[str, str]:
    """What sessions begin with in front of a gateway: they are about its cluster."""
    return {**defaults, "tailrace.engine": "flink", "tailrace.flink.gateway": url}


async def serve(
    dsn: str,
    place: Place,
    *,
    defaults: Mapping[str, str],
    limits: Limits,
    token: str | None = None,
    gateway: str | None = None,
    grace: float = 30.0,
    listening: Callable[[str], None],
) -> None:
    """Serve until a signal ends it; ``listening`` is told the address."""
    metrics = Metrics()
    behind = None if gateway is None else Behind(gateway)
    begin = defaults if behind is None else in_front(defaults, behind.url)
    sessions = Sessions(dsn, begin, limits, metrics.told)
    app = assembled(sessions, metrics, token=token, host=place.host, behind=behind)
    bound = place.bound()
    listener = Listener(app, place, bound, sessions)
    often = min(_SWEEP, limits.idle / 4)
    sweeper = Loop("sessions", sessions.sweep, poll_min=often, poll_max=often)
    listening(place.address(bound))
    try:
        await run_services([listener, sweeper], grace=grace)
    finally:
        if behind is not None:
            await behind.close()
