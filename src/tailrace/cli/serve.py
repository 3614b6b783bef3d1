"""``serve``: the statements over HTTP, in the protocol of Flink's SQL Gateway."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.sql import session_defaults

if TYPE_CHECKING:
    from tailrace.config import Settings
    from tailrace.server.limits import Limits
    from tailrace.server.place import Place

_file = click.Path(dir_okay=False, path_type=Path)


@command("serve", serves=True, of_engines=True)
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; 0 for any.  [default: 8083, as Flink's]"
)
@click.option(
    "--gateway", metavar="URL", help="Stand in front of this SQL Gateway of Flink and add to it."
)
@click.option(
    "--token-file", type=_file, metavar="FILE", help="Only who sends the token in it may ask."
)
@click.option("--tls-cert", type=_file, metavar="FILE", help="Speak TLS with this certificate.")
@click.option("--tls-key", type=_file, metavar="FILE", help="Its key, if it is not in there.")
async def serve(
    call: Invocation,
    host: str | None,
    port: int | None,
    gateway: str | None,
    token_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> int:
    """Answer the statements over HTTP, for clients of Flink's SQL Gateway (REST, V1 to V4).

    All of them work on the database that --db names: SHOW JOBS, STOP JOB and the others of
    docs/reference/statements.md, and its own. /health and /metrics are for whoever watches. The
    first SIGTERM or SIGINT ends it when requests are answered.
    """
    from tailrace.server.place import Place

    settings = call.settings
    if settings.db is None:
        raise click.UsageError(
            f"{call.command} needs a database: --db DSN, environment TAILRACE_DB, "
            "or db in tailrace.toml"
        )
    place = Place(
        host or settings.serve_host,
        settings.serve_port if port is None else port,
        tls_cert or _path(settings.serve_tls_cert),
        tls_key or _path(settings.serve_tls_key),
    )
    token = _token(token_file or _path(settings.serve_token_file))
    place.check(token=token is not None)
    if gateway or settings.serve_gateway:
        _check_cluster(settings)
    await _serve(call, place, token, gateway or settings.serve_gateway)
    return 0


async def _serve(call: Invocation, place: Place, token: str | None, gateway: str | None) -> None:
    from tailrace.server.running import serve as run_server

    def listening(address: str) -> None:
        call.say(f"serving on {address}")
        if not (place.is_here or place.certificate):
            call.warn("without TLS the token can be read on its way; see: --tls-cert")

    settings = call.settings
    assert settings.db is not None
    await run_server(
        settings.db,
        place,
        defaults=session_defaults(settings),
        limits=_limits(settings),
        token=token,
        gateway=gateway,
        grace=settings.grace,
        listening=listening,
    )


def _check_cluster(settings: Settings) -> None:
    """In front of a gateway, statements about jobs are about its cluster; we must know which."""
    from tailrace.engines.flink.local import running_here

    if settings.flink_url is None and running_here() is None:
        raise click.UsageError(
            "standing in front of a SQL Gateway needs the address of its cluster: flink.url in "
            "tailrace.toml, or environment TAILRACE_FLINK_URL"
        )


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def _token(file: Path | None) -> str | None:
    """The token in a file; whoever may read the file may ask."""
    if file is None:
        return None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise click.UsageError(f'token file "{file}" cannot be read: {reason}') from None
    if len(token) < 16:
        raise click.UsageError(
            f'token file "{file}" holds {len(token)} characters; a token has at least 16 '
            "(make one with: openssl rand -hex 32)"
        )
    return token


def _limits(settings: Settings) -> Limits:
    from tailrace.server.limits import Limits

    return Limits(
        sessions=settings.serve_max_sessions,
        operations=settings.serve_max_operations,
        request_bytes=settings.serve_max_request,
        idle=settings.serve_idle_timeout,
        hold=settings.serve_long_poll,
    )
