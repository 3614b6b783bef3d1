"""SQL without a gateway: a ``TableEnvironment`` inside a local cluster's own process, over py4j.

Each session is an environment of its own, with its own tables. py4j blocks, so its calls run in
threads; one session makes one call at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tailrace.engines.flink import words
from tailrace.engines.flink.sql import SqlResult
from tailrace.errors import EngineError, Unsupported

_DEEPEST = 30
_STARTS_A_JOB = ("INSERT", "EXECUTE")


class Environment:
    """One environment, and the connection on which it is spoken to."""

    def __init__(self, java: Any, table: Any) -> None:
        self._java = java
        self._table = table
        self._lock = asyncio.Lock()

    @classmethod
    async def open(cls, port: int, token: str, settings: Mapping[str, str]) -> Environment:
        """Make an environment that hands its jobs to the cluster of these settings."""
        chosen = dict(settings) | {"execution.target": "remote"}
        return await asyncio.to_thread(cls._open, port, token, chosen)

    @classmethod
    def _open(cls, port: int, token: str, settings: Mapping[str, str]) -> Environment:
        java = connect(port, token)
        with told("no session was opened"), Held(java) as held:
            flink = java.jvm.org.apache.flink
            made = held(flink.configuration.Configuration())
            for key, value in settings.items():
                made.setString(key, value)
            builder = held(flink.table.api.EnvironmentSettings.newInstance())
            chosen = held(held(builder.withConfiguration(made)).build())
            return cls(java, flink.table.api.TableEnvironment.create(chosen))

    async def close(self) -> None:
        """Let the environment go, and leave."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with Held(self._java) as held:
            held(self._table)
        self._java.close()

    async def run(self, statement: str) -> SqlResult:
        """Carry out one statement and fetch all of its rows."""
        async with self._lock:
            return await asyncio.to_thread(self._run, statement.strip().rstrip(";"))

    def _run(self, statement: str) -> SqlResult:
        with told("the statement failed"), Held(self._java) as held:
            found = held(self._table.executeSql(statement))
            client = held(found.getJobClient())
            engine_id = None
            if client.isPresent():
                engine_id = str(held(held(client.get()).getJobID()).toString())
            if engine_id and statement.split(None, 1)[0].upper() in _STARTS_A_JOB:
                return SqlResult(("job id",), [[engine_id]], engine_id)
            schema = held(found.getResolvedSchema())
            columns = tuple(str(name) for name in held(schema.getColumnNames()))
            rows, kinds = self._rows(held(found.collect()), len(columns))
            changing = any(kind != "+I" for kind in kinds)
            return SqlResult(columns, rows, engine_id, kinds if changing else None)

    def _rows(self, iterator: Any, width: int) -> tuple[list[list[object]], list[str]]:
        rows: list[list[object]] = []
        kinds: list[str] = []
        try:
            while iterator.hasNext():
                with Held(self._java) as held:
                    row = held(iterator.next())
                    kinds.append(str(held(row.getKind()).shortString()))
                    rows.append([_plain(held(row.getField(number))) for number in range(width)])
        finally:
            iterator.close()
        return rows, kinds


class Held:
    """Objects of Java that are let go when the block ends.

    py4j would do that by itself, whenever Python collects garbage: then something is sent over the
    network in the middle of anything.
    """

    def __init__(self, java: Any) -> None:
        self._java = java
        self._objects: list[Any] = []

    def __call__(self, value: Any) -> Any:
        """Hold a value for the block, if it is an object."""
        if hasattr(value, "_target_id"):
            self._objects.append(value)
        return value

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        for value in self._objects:
            self._java.detach(value)


def connect(port: int, token: str) -> Any:
    """Speak with the process of a local cluster."""
    try:
        from py4j.java_gateway import GatewayParameters, JavaGateway
    except ImportError:
        raise Unsupported(
            "the Python package py4j is not installed", hint="pip install 'tailrace[flink]'"
        ) from None
    parameters = GatewayParameters(
        port=port, auth_token=token, auto_convert=True, enable_memory_management=False
    )
    return JavaGateway(gateway_parameters=parameters)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Let errors of Java leave as ours."""
    from py4j.protocol import Py4JError, Py4JJavaError

    try:
        yield
    except Py4JJavaError as error:
        text = _trace(error)
        raise words.error_of(text, what) from None
    except (Py4JError, OSError) as error:
        raise EngineError(
            f"{what}: the local Flink cluster has ended",
            hint="start it with: tailrace flink start",
        ) from error


def _trace(error: Any) -> str:
    """All that an exception of Java says, its causes included."""
    lines: list[str] = []
    thrown = error.java_exception
    while thrown is not None and len(lines) < _DEEPEST:
        lines.append(("Caused by: " if lines else "") + str(thrown.toString()))
        thrown = thrown.getCause()
    return "\n".join(lines)


def _plain(value: Any) -> object:
    """A value of Java's as one of ours; what has no counterpart is its text."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    from decimal import Decimal

    if isinstance(value, Decimal):
        return value
    return str(value.toString()) if hasattr(value, "toString") else str(value)
