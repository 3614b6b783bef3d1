"""The steps by which a node gets another provider.

What has to be kept in every order of them: the new provider keeps a node's events before the old
one lets them go, and nobody is let go by a provider that a worker may still be reading from.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import ClassVar

from tailrace.cascade.answers import ask
from tailrace.cascade.node import queries as node_queries
from tailrace.cascade.operation import Hands, Step, queries
from tailrace.db.connection import Database

# What is only an extra precaution does not wait longer than this for a worker.
ANSWER_SECONDS = 3.0


def listed(names: tuple[str, ...]) -> str:
    """Write names one after another, quoted."""
    return ", ".join(f'"{name}"' for name in names)


def consumers_of(names: tuple[str, ...]) -> str:
    """Speak of one consumer, or of several."""
    return f"consumer{'s' if len(names) > 1 else ''} {listed(names)}"


@dataclass(frozen=True, slots=True)
class Pause(Step):
    """Let consumers finish their batch and stop."""

    name: ClassVar[str] = "pause"
    consumers: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'pause {consumers_of(self.consumers)} of node "{self.node}"'

    async def do(self, hands: Hands) -> None:
        """Ask for it, and wait until the workers have said that they did."""
        before = await hands.places(self.node)
        await _set_paused(hands, self.node, self.consumers, paused=True)
        await hands.nudge(*(before[one].provider_node for one in self.consumers), self.node)
        await hands.acknowledged(self.node, self.consumers, paused=True)


@dataclass(frozen=True, slots=True)
class Resume(Step):
    """Let consumers go on; nobody waits until they have noticed."""

    name: ClassVar[str] = "resume"
    consumers: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'let {consumers_of(self.consumers)} of node "{self.node}" go on'

    async def do(self, hands: Hands) -> None:
        """Take the pause away."""
        await _set_paused(hands, self.node, self.consumers, paused=False)
        await hands.nudge(self.node)


@dataclass(frozen=True, slots=True)
class Acknowledge(Step):
    """Wait until workers have seen that something has changed for them."""

    name: ClassVar[str] = "acknowledge"
    consumers: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'wait until {consumers_of(self.consumers)} of node "{self.node}" went on'

    async def do(self, hands: Hands) -> None:
        """Wait."""
        before = await hands.places(self.node)
        await hands.nudge(*(before[one].provider_node for one in self.consumers), self.node)
        await hands.acknowledged(self.node, self.consumers)


@dataclass(frozen=True, slots=True)
class AwaitPassed(Step):
    """Wait until a consumer of a node has completed a tick."""

    name: ClassVar[str] = "await-passed"
    consumer: str
    tick: int

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'wait until "{self.consumer}" of node "{self.node}" has completed tick {self.tick}'

    async def do(self, hands: Hands) -> None:
        """Wait."""
        await hands.passed(self.node, self.consumer, self.tick)


@dataclass(frozen=True, slots=True)
class AwaitTick(Step):
    """Wait until a provider has the tick at which a node will go on."""

    name: ClassVar[str] = "await-tick"
    tick: int
    reader: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return (
            f'wait until node "{self.node}" has tick {self.tick}, which node "{self.reader}" '
            "has completed"
        )

    async def do(self, hands: Hands) -> None:
        """Wait."""

        async def there() -> bool:
            row = await hands.db(self.node).fetch_one(node_queries.newest_tick, queue=hands.queue)
            return row is not None and row.tick_id >= self.tick

        await hands.wait(
            there,
            what=f'node "{self.node}" to have tick {self.tick} of queue "{hands.queue}"',
            hint="its worker is served by: tailrace run",
        )


@dataclass(frozen=True, slots=True)
class Introduce(Step):
    """Make a node known to another."""

    name: ClassVar[str] = "introduce"
    other: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'make node "{self.other}" known to node "{self.node}"'

    async def do(self, hands: Hands) -> None:
        """Register the location."""
        await ask(
            hands.db(self.node), node_queries.register_location,
            queue=hands.queue, node=self.other,
            location=hands.survey.members[self.other].location, dead=False,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscribe(Step):
    """Let a provider keep events for a node from now on."""

    name: ClassVar[str] = "subscribe"
    reader: str
    worker: str
    tick: int

    @property
    def sentence(self) -> str:
        """What it does."""
        return (
            f'register node "{self.reader}" on node "{self.node}", from the tick on that it has '
            "completed"
        )

    async def do(self, hands: Hands) -> None:
        """Register it, anew where an older registration stands at another tick."""
        db = hands.db(self.node)
        known_since = await hands.db(self.reader).fetch_value(
            queries.known_since, queue=hands.queue, node=self.reader
        )
        with hands.committing(
            "register", node=self.node, subscriber=self.reader, worker=self.worker, tick=self.tick
        ):
            async with db.transaction():
                await db.execute(
                    queries.know_member,
                    queue=hands.queue, node=self.reader, event_id=known_since,
                )  # fmt: skip
                await db.fetch_one(
                    node_queries.unregister_subscriber, queue=hands.queue, node=self.reader
                )
                await ask(
                    db, queries.subscribe_at,
                    queue=hands.queue, node=self.reader, worker=self.worker, tick=self.tick,
                )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unsubscribe(Step):
    """Let a provider forget a node that does not read from it any more."""

    name: ClassVar[str] = "unsubscribe"
    optional: ClassVar[bool] = True
    reader: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'remove the registration of node "{self.reader}" on node "{self.node}"'

    async def do(self, hands: Hands) -> None:
        """Remove it."""
        with hands.committing("unregister", node=self.node, subscriber=self.reader):
            await hands.db(self.node).fetch_one(
                node_queries.unregister_subscriber, queue=hands.queue, node=self.reader
            )


@dataclass(frozen=True, slots=True)
class LowerReport(Step):
    """Take back what a node has told its provider, since somebody who is behind reads from it now.

    Its worker may have a report on the way that it worked out before; so it is first asked to say
    that it has seen its settings, which it does between two batches.
    """

    name: ClassVar[str] = "lower-report"
    reader: str
    worker: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return (
            f'let node "{self.node}" keep what is needed below node "{self.reader}" from now on, '
            "though that one has told less"
        )

    async def do(self, hands: Hands) -> None:
        """Wait for the worker, but not for long, and lower its watermark at its provider."""
        await ask(
            hands.db(self.reader), queries.ask_acknowledgement,
            queue=hands.queue, consumer=self.worker,
        )  # fmt: skip
        await hands.nudge(self.reader)

        async def seen() -> bool:
            return bool((await hands.places(self.reader))[self.worker].uptodate)

        if not await hands.wait(seen, what=f'worker "{self.worker}"', within=ANSWER_SECONDS):
            hands.say(f'worker "{self.worker}" of node "{self.reader}" does not answer')
        mark = (await hands.facts(self.reader)).local_watermark
        with hands.committing("lower", node=self.node, subscriber=self.reader) as told:
            told["tick"] = await hands.db(self.node).fetch_value(
                queries.lower_report, queue=hands.queue, node=self.reader, tick=mark
            )


@dataclass(frozen=True, slots=True)
class Attach(Step):
    """Let a provider keep events for a plain consumer."""

    name: ClassVar[str] = "attach"
    consumer: str
    tick: int

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'register consumer "{self.consumer}" on node "{self.node}", where it stopped'

    async def do(self, hands: Hands) -> None:
        """Register it."""
        await hands.db(self.node).fetch_value(
            queries.register_at, queue=hands.queue, consumer=self.consumer, tick=self.tick
        )


@dataclass(frozen=True, slots=True)
class Detach(Step):
    """Let a provider forget a plain consumer."""

    name: ClassVar[str] = "detach"
    optional: ClassVar[bool] = True
    consumer: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'remove the registration of consumer "{self.consumer}" on node "{self.node}"'

    async def do(self, hands: Hands) -> None:
        """Remove it."""
        await hands.db(self.node).fetch_value(
            queries.unregister, queue=hands.queue, consumer=self.consumer
        )


@dataclass(frozen=True, slots=True)
class Unpin(Step):
    """Give up events that were held for a savepoint and cannot be held at the new provider."""

    name: ClassVar[str] = "unpin"
    pin: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'give up pin "{self.pin}" of node "{self.node}"'

    async def do(self, hands: Hands) -> None:
        """Forget where it stood; without a position a savepoint counts as unpinned."""
        await ask(
            hands.db(self.node), queries.forget_position, queue=hands.queue, consumer=self.pin
        )


@dataclass(frozen=True, slots=True)
class Switch(Step):
    """Let consumers read from their new provider, in one transaction, and go on."""

    name: ClassVar[str] = "switch"
    consumers: tuple[str, ...]
    provider: str
    also: tuple[str, ...] = ()
    """Consumers that read where they did, and go on with the others."""

    @property
    def sentence(self) -> str:
        """What it does."""
        also = f" and {consumers_of(self.also)} go on" if self.also else ""
        return (
            f'let {consumers_of(self.consumers)} of node "{self.node}" read from node '
            f'"{self.provider}"{also}'
        )

    async def do(self, hands: Hands) -> None:
        """Change the provider and take the pause away: never the one without the other."""
        db = hands.db(self.node)
        before = await hands.places(self.node)
        with ExitStack() as written:
            for one in self.consumers:
                place = {"node": self.node, "target": one}
                written.enter_context(hands.committing("resume", **place))
                written.enter_context(
                    hands.committing("change_provider", provider=self.provider, **place)
                )
            for one in self.also:
                written.enter_context(hands.committing("resume", node=self.node, target=one))
            await self._switch(db, hands.queue)
        await hands.nudge(*(before[one].provider_node for one in self.consumers), self.node)

    async def _switch(self, db: Database, queue: str) -> None:
        async with db.transaction():
            for one in self.consumers:
                place = {"queue": queue, "consumer": one}
                await ask(db, queries.change_provider, provider=self.provider, **place)
                await ask(db, node_queries.set_paused, paused=False, **place)
            for one in self.also:
                await ask(db, node_queries.set_paused, queue=queue, consumer=one, paused=False)


async def _set_paused(hands: Hands, node: str, consumers: tuple[str, ...], *, paused: bool) -> None:
    db, step = hands.db(node), "pause" if paused else "resume"
    with ExitStack() as written:
        for one in consumers:
            written.enter_context(hands.committing(step, node=node, target=one))
        async with db.transaction():
            for one in consumers:
                await ask(
                    db, node_queries.set_paused, queue=hands.queue, consumer=one, paused=paused
                )
