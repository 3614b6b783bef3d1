"""Watermarks: telling the cascade which events nobody needs any more.

Every node tells its provider the lowest tick that it or anybody below it still needs; the root
publishes the lowest of all as an event, and every branch keeps what lies above it. All values are
lower bounds and may be late; none may ever be too high. A branch with the attribute sync_watermark
does not follow the root: the nodes named there agree among themselves, and what lags below them
holds back neither the root nor the rest of the tree.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from tailrace import log
from tailrace.cascade.position import Seat, State
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.db.remote import remote
from tailrace.errors import TailraceError
from tailrace.faults import reach

queries = load("tailrace")
node_queries = load("pgq_node")
_logger = log.get("watermark")

# A member of a sync group has so long to connect and to answer: events wait meanwhile.
PEER_SECONDS = 5.0
# The driver then asks the server to cancel the question, and would wait ten seconds for that.
CANCEL_SECONDS = 1.0


class Watermark:
    """Publishes one node's watermark, at most once a period."""

    def __init__(self, queue: str, *, local_period: float, global_period: float) -> None:
        self._queue = queue
        self._local_period = local_period
        self._global_period = global_period
        self._due = 0.0
        self._upstream: int | None = None

    def note_upstream(self, tick: int) -> None:
        """Remember the global watermark that came from above."""
        self._upstream = tick

    async def publish_global(self, seat: Seat) -> None:
        """On the root: store and announce the local watermark as everybody's.

        Also when it has not moved: a runner of a sync node knows nothing of what was said before it
        came, and its group agrees on nothing until it has heard the root.
        """
        if monotonic() < self._due:
            return
        self._due = monotonic() + self._global_period
        marks = await seat.db.fetch_one(queries.watermarks, queue=self._queue)
        if marks is not None:
            with seat.committing("publish", tick=marks.local_watermark):
                await seat.db.execute(queries.set_global_watermark, queue=self._queue, tick=None)

    async def publish_local(
        self, seat: Seat, provider: Database, state: State, *, batch_start: int, batch_end: int
    ) -> None:
        """After a batch: tell the provider what this node and all below it still need."""
        if monotonic() < self._due:
            return
        await reach("watermark.before_report")
        mark = await self._local(seat.db, state, batch_start, batch_end)
        if mark is not None:
            await self._report(seat, provider, state, mark)
        # From here on it counts as done, also when a peer cannot be asked below.
        self._due = monotonic() + self._local_period
        await reach("watermark.after_report")
        if state.duties.sync_watermark:
            await self._agree(seat, state)

    async def _local(
        self, own: Database, state: State, batch_start: int, batch_end: int
    ) -> int | None:
        if state.node_type == "leaf":
            return batch_end
        if state.duties.sync_watermark:
            # Its own progress only; what lags below is the business of the group.
            return batch_start
        marks = await own.fetch_one(queries.watermarks, queue=self._queue)
        if marks is None or marks.local_watermark is None:
            return None
        return min(int(marks.local_watermark), batch_end)

    async def _report(self, seat: Seat, provider: Database, state: State, mark: int) -> None:
        with seat.committing(
            "report", provider=state.provider_node, tick=mark, own=state.duties.sync_watermark
        ) as told:
            answer = await provider.fetch_one(
                queries.set_subscriber_watermark, queue=self._queue, node=state.node_name, tick=mark
            )
            told["code"] = None if answer is None else answer.ret_code
        # 405: the provider is ahead, which a change of provider can bring about for a while.
        if answer is not None and answer.ret_code >= 300 and answer.ret_code != 405:
            _logger.warning('queue "%s": %s', self._queue, answer.ret_note)

    async def _agree(self, seat: Seat, state: State) -> None:
        """Take the lowest watermark of the group, not above the root's, as this node's own."""
        own = seat.db
        marks = await own.fetch_one(queries.watermarks, queue=self._queue)
        if marks is None or marks.local_watermark is None or self._upstream is None:
            return
        lowest = await self._lowest(own, state, min(marks.local_watermark, self._upstream))
        if lowest is not None:
            with seat.committing("agree", tick=lowest):
                await own.execute(queries.set_global_watermark, queue=self._queue, tick=lowest)

    async def _lowest(self, own: Database, state: State, candidate: int) -> int | None:
        """Ask the other members; None when one of them cannot tell, for then nothing is known.

        What another node needs says nothing of the member that should have answered.
        """
        rows = await own.fetch_all(node_queries.locations, queue=self._queue)
        members = {row.node_name: row for row in rows}
        for name in state.sync_members or ():
            if name in (state.node_name, ""):
                continue
            if name not in members:
                self._complain(name, "is not known here")
                return None
            if members[name].dead:
                continue
            mark = await self._ask(members[name].node_location, name)
            if mark is None:
                return None
            candidate = min(candidate, mark)
        return candidate

    async def _ask(self, location: str, name: str) -> int | None:
        try:
            async with (
                asyncio.timeout(PEER_SECONDS + CANCEL_SECONDS),
                asyncio.timeout(PEER_SECONDS),
            ):
                marks = await self._marks_at(location)
        except TimeoutError:
            why = f"does not answer within {PEER_SECONDS:g} s"
        except TailraceError as error:
            why = f"cannot be asked: {error}"
        else:
            if marks is None or marks.local_watermark is None:
                why = "has no watermark"
            elif marks.node_name != name:
                why = f'has a location that leads to node "{marks.node_name}"'
            else:
                return int(marks.local_watermark)
        self._complain(name, why)
        return None

    async def _marks_at(self, location: str) -> Row | None:
        async with await Database.connect(
            remote(location), name="watermark", connect_timeout=PEER_SECONDS
        ) as db:
            return await db.fetch_one(queries.watermarks, queue=self._queue)

    def _complain(self, name: str, why: str) -> None:
        _logger.warning('queue "%s": sync node "%s" %s', self._queue, name, why)
