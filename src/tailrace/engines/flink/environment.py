"""SQL without a gateway: a ``TableEnvironment`` inside a local cluster's own process, over py4j.

Each session is an environment of its own, with its own tables. py4j blocks, so its calls run in
threads; one session makes one call at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tailrace.engines.flink.java import Held, connect, told
from tailrace.engines.flink.reading import Known, Reading
from tailrace.engines.flink.sql import (
    INSERTED,
    BeforeEnd,
    Row,
    Rows,
    Shape,
    SqlResult,
    at_once,
    collected,
    is_query,
)
from tailrace.engines.flink.sqltype import SqlType
from tailrace.errors import TailraceError

_TEXT = SqlType.written("STRING")


class Environment:
    """One environment, and the connection on which it is spoken to."""

    def __init__(self, java: Any, table: Any, before_end: BeforeEnd) -> None:
        self._before_end = before_end
        self._java = java
        self._table = table
        self._lock = asyncio.Lock()
        self._reading: list[Reading] = []

    @classmethod
    async def open(
        cls, port: int, token: str, settings: Mapping[str, str], before_end: BeforeEnd = at_once
    ) -> Environment:
        """Make an environment that hands its jobs to the cluster of these settings."""
        chosen = dict(settings) | {"execution.target": "remote"}
        return await asyncio.to_thread(cls._open, port, token, chosen, before_end)

    @classmethod
    def _open(
        cls, port: int, token: str, settings: Mapping[str, str], before_end: BeforeEnd
    ) -> Environment:
        java = connect(port, token)
        with told("no session was opened"), Held(java) as held:
            flink = java.jvm.org.apache.flink
            made = held(flink.configuration.Configuration())
            for key, value in settings.items():
                made.setString(key, value)
            builder = held(flink.table.api.EnvironmentSettings.newInstance())
            chosen = held(held(builder.withConfiguration(made)).build())
            return cls(java, flink.table.api.TableEnvironment.create(chosen), before_end)

    async def close(self) -> None:
        """End the queries that are still read, let the environment go, and leave."""
        for reading in self._reading:
            await reading.close()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with Held(self._java) as held:
            held(self._table)
        self._java.close()

    @property
    def is_read(self) -> bool:
        """Whether rows of a statement are still to come."""
        return any(not one.ended for one in self._reading)

    async def run(self, statement: str) -> SqlResult:
        """Carry out one statement and fetch all of its rows."""
        return await collected(await self.start(statement))

    async def start(self, statement: str) -> Rows:
        """Have one statement carried out; its rows are fetched as they come."""
        text = statement.strip().rstrip(";")
        async with self._lock:
            loop = asyncio.get_running_loop()
            work = loop.run_in_executor(None, self._start, text)
            try:
                started = await asyncio.shield(work)
            except asyncio.CancelledError:  # a query that nobody reads would run for ever
                with suppress(TailraceError):
                    await (await work).close()
                raise
        self._reading = [one for one in self._reading if not one.ended]
        if isinstance(started, Reading):
            self._reading.append(started)
        return started

    def _start(self, statement: str) -> Reading | Known:
        with told("the statement failed"), Held(self._java) as held:
            found = held(self._table.executeSql(statement))
            client = held(found.getJobClient())
            engine_id = None
            if client.isPresent():
                engine_id = str(held(held(client.get()).getJobID()).toString())
            if engine_id and not is_query(statement):
                return Known(Shape(("job id",), (_TEXT,), engine_id), [Row(INSERTED, [engine_id])])
            schema = held(found.getResolvedSchema())
            types = [
                SqlType.written(str(held(one.getLogicalType()).asSummaryString()))
                for one in map(held, held(schema.getColumnDataTypes()))
            ]
            shape = Shape(
                tuple(str(name) for name in held(schema.getColumnNames())),
                tuple(types),
                engine_id,
                is_query=engine_id is not None,
                has_content=str(held(found.getResultKind()).name()) != "SUCCESS",
            )
            return Reading(self._java, found.collect(), shape, self._before_end)
