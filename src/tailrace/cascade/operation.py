"""Operations that rewire a cascade: steps, one after another, computed from what is the case.

Each step is one transaction on one database, or waits for something, and doing it twice is
harmless. Before each step all nodes are looked at again and the operation says which steps are
left: the first of them is done. Nothing is remembered from one run to the next, and nothing has to
be: killed at any point, the same command finds what is left to do, as that is all it ever does.

When an operation gives up (time is over, a refusal, Ctrl-C), it undoes what is half done in the
same manner: by looking at the nodes, not at what it remembers of itself.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from tailrace import log
from tailrace.cascade.node import queries as node_queries
from tailrace.cascade.survey import NodeFacts, Survey, View
from tailrace.cascade.waiting import Patience
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.errors import TailraceError, WrongState
from tailrace.faults import committing, reach

queries = load("tailrace")
_logger = log.get("cascade.operation")

# Commands that stand between writers and their database look more often than a person would.
INTERVAL = 0.02

# A step that had to be done so often has no effect, because somebody undoes it again.
AGAIN = 3

_SERVED = "workers are served by: tailrace run; other consumers by their own programs"


class Hands:
    """What steps work with: the databases, and how long they may wait."""

    def __init__(
        self, survey: Survey, patience: Patience, say: Callable[[str], None] = _logger.info
    ) -> None:
        self.survey = survey
        self.patience = patience
        self.say = say

    @property
    def queue(self) -> str:
        """The queue whose cascade is rewired."""
        return self.survey.queue

    def db(self, node: str) -> Database:
        """The connection to a node."""
        return self.survey.db(node)

    def committing(self, step: str, **facts: object) -> AbstractContextManager[dict[str, object]]:
        """Write a step down, under its name in docs/design/model.md, when the block is left."""
        return committing(step, queue=self.queue, **facts)

    async def facts(self, node: str) -> NodeFacts:
        """Look at one node."""
        return await self.survey.ask(node)

    async def nudge(self, *nodes: str) -> None:
        """Wake whoever listens on these nodes, so that it reads its settings now."""
        for node in dict.fromkeys(nodes):
            try:
                await self.db(node).execute(queries.nudge, queue=self.queue)
            except (KeyError, TailraceError) as error:  # it will look by itself, a little later
                _logger.debug('node "%s" was not woken: %r', node, error)

    async def places(self, node: str) -> dict[str, Row]:
        """Read where a node's consumers stand, by name."""
        rows = await self.db(node).fetch_all(node_queries.consumers, queue=self.queue)
        return {row.consumer_name: row for row in rows}

    async def acknowledged(
        self, node: str, consumers: Iterable[str], *, paused: bool | None = None
    ) -> None:
        """Wait until the workers have seen their settings; somebody else may have changed them."""
        wanted = list(consumers)
        named = ", ".join(f'"{one}"' for one in wanted)

        async def seen() -> bool:
            rows = await self.places(node)
            for one in wanted:
                row = rows.get(one)
                if row is None or (paused is not None and row.paused != paused):
                    raise WrongState(
                        f'somebody else changed consumer "{one}" of node "{node}" meanwhile',
                        hint="run this again",
                    )
            return all(rows[one].uptodate for one in wanted)

        verb = {True: "pause", False: "go on", None: "see its settings"}[paused]
        await self.wait(seen, what=f'consumer {named} of node "{node}" to {verb}', hint=_SERVED)

    async def passed(
        self, node: str, consumer: str, tick: int, *, within: float | None = None
    ) -> bool:
        """Wait until a consumer of a node has completed a tick; False: not ``within`` that time."""

        async def there() -> bool:
            row = (await self.places(node)).get(consumer)
            return row is None or row.last_tick_id >= tick

        return await self.wait(
            there,
            what=f'consumer "{consumer}" of node "{node}" to complete tick {tick}',
            hint=_SERVED,
            within=within,
        )

    async def wait(
        self,
        reached: Callable[[], Awaitable[bool]],
        *,
        what: str | Callable[[], str],
        hint: str | None = None,
        within: float | None = None,
    ) -> bool:
        """Wait for something, within what is left of the time; False: it was not ``within``."""
        return await self.patience.wait(
            reached, what=what, hint=hint, interval=INTERVAL, within=within
        )


@dataclass(frozen=True, slots=True)
class Step(ABC):
    """One thing to do on one node; equal steps do the same.

    ``moved`` names the node whose move it is part of: in an operation on many nodes, one that
    cannot be moved does not keep the others from it. What is ``optional`` only tidies up; after
    what ``restarts``, steps may be needed again that have been done.
    """

    name: ClassVar[str]
    optional: ClassVar[bool] = False
    restarts: ClassVar[bool] = False

    node: str
    moved: str = field(default="", kw_only=True)

    @property
    @abstractmethod
    def sentence(self) -> str:
        """What it does, for people."""

    @abstractmethod
    async def do(self, hands: Hands) -> object:
        """Do it; a result is handed to the operation."""


class Operation(Protocol):
    """Something that rewires a cascade."""

    def steps(self, view: View) -> Sequence[Step]:
        """Say what is left to do, in order; raise when it cannot be done."""

    def undoing(self, view: View) -> Sequence[Step]:
        """Say what has to be taken back when the operation is given up here."""

    def concerned(self) -> Collection[str]:
        """Name the only nodes whose steps are due, where looking at all would take too long."""

    def done(self, step: Step, result: object) -> None:
        """Take notice of a step that was done."""

    def failed(self, step: Step, error: TailraceError) -> bool:
        """Say whether the operation goes on although a step failed."""


async def carry_out(operation: Operation, hands: Hands) -> int:
    """Do what is left to do; return how many steps that were."""
    skipped: set[Step] = set()
    did: Counter[Step] = Counter()
    total = 0
    try:
        while True:
            view = await hands.survey.look(operation.concerned())
            left = [step for step in operation.steps(view) if step not in skipped]
            if not left:
                # Who was away at first may still keep events for somebody who has left it.
                if total and await hands.survey.try_again():
                    continue
                return total
            step = left[0]
            if did[step] == AGAIN:
                raise WrongState(
                    f'step "{step.name}" was done and is to be done again: {step.sentence}',
                    hint="somebody else is changing the same nodes; look at: tailrace status",
                )
            await reach("switch.next_step")
            await _do(step, operation, hands, skipped)
            total += 1
            did[step] += 1
            if step.restarts:
                did.clear()
    except (TailraceError, asyncio.CancelledError):
        await _undo(operation, hands)
        raise


async def _do(step: Step, operation: Operation, hands: Hands, skipped: set[Step]) -> None:
    hands.say(step.sentence)
    try:
        operation.done(step, await step.do(hands))
    except TailraceError as error:
        if step.optional:
            _logger.warning("%s: %s", step.sentence, error)
            skipped.add(step)
        elif not operation.failed(step, error):
            raise


async def _undo(operation: Operation, hands: Hands) -> None:
    """Take back what is half done, as far as that can be; the error goes on its way afterwards."""
    tried: set[Step] = set()
    while True:
        try:
            view = await hands.survey.look()
            left = [step for step in operation.undoing(view) if step not in tried]
            if not left:
                return
            await reach("switch.next_undo")
        except TailraceError as error:
            _logger.warning("not undone: %s; run this again", error)
            return
        step = left[0]
        tried.add(step)
        hands.say(f"undoing: {step.sentence}")
        try:
            await step.do(hands)
        except TailraceError as error:
            _logger.warning("%s: %s", step.sentence, error)
            return
