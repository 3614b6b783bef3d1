"""Moving a node, or one consumer of it, to another provider.

Tick ids mean the same everywhere, so a consumer goes on at the tick where it stopped. It has to
stop first, since both providers must agree on that tick; the new provider must have it, and keep
what comes after it, before the old one is told to let go.

With the worker moves all that hangs on the node and reads from the same provider: plain cascaded
consumers, and pins. A pin (``.savepoint.…``) holds events for a savepoint; it has a position like a
consumer, but no process that could pause.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tailrace.cascade.operation import Hands, Step, queries
from tailrace.cascade.steps import (
    Acknowledge,
    Attach,
    AwaitTick,
    Detach,
    Introduce,
    LowerReport,
    Pause,
    Resume,
    Subscribe,
    Switch,
    Unpin,
    Unsubscribe,
)
from tailrace.cascade.survey import NodeFacts, View
from tailrace.errors import LostPosition, NotFound, TailraceError, WrongState

PIN = ".savepoint."


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A node's consumers on their way from one provider to another.

    ``source`` is the provider that is left (None: wherever the worker, or the consumer, reads);
    ``consumer`` the only one to be moved (None: all that read from there). When the source is
    ``lost``, only the worker is asked to stop: others can read nothing more, and the program of one
    may have gone with it. Consumers ``without`` a place at the new provider stay behind.
    """

    node: str
    to: str
    source: str | None = None
    consumer: str | None = None
    give_up_pins: bool = False
    lost: bool = False
    without: tuple[str, ...] = ()

    # ---------------------------------------------------------------- what is concerned

    def leaving(self, view: View) -> str:
        """The provider that is left, or the new one when that has happened."""
        facts = view[self.node]
        if self.source is not None:
            return self.source
        if self.consumer is None:
            return facts.provider
        if self.consumer not in facts.positions:
            known = ", ".join(sorted(facts.positions))
            raise NotFound(f'node "{self.node}" has no consumer "{self.consumer}"; it has: {known}')
        return facts.positions[self.consumer].provider

    def moving(self, view: View) -> tuple[str, ...]:
        """Consumers that still read from the provider that is left."""
        facts, source = view[self.node], self.leaving(view)
        if source == self.to:
            return ()
        return tuple(
            sorted(
                name
                for name, place in facts.positions.items()
                if place.provider == source
                and name != f"{self.node}.apply"
                and self.consumer in (None, name)
                and name not in self.without
            )
        )

    def _with_worker(self, view: View) -> bool:
        return self.consumer in (None, view[self.node].worker)

    # ---------------------------------------------------------------- whether it can be done

    def check(self, view: View) -> None:
        """Refuse what cannot work, before anything has been changed."""
        facts, new = view[self.node], view[self.to]
        worker = self._with_worker(view)
        if self.consumer == f"{self.node}.apply":
            raise WrongState(
                f'consumer "{self.consumer}" always reads the queue of its own node',
                hint="move the node, and its tables follow",
            )
        if worker and self.to == self.node:
            raise WrongState(f'node "{self.node}" cannot be its own provider')
        if not new.holds_queue:
            raise WrongState(
                f'node "{self.to}" is a leaf and cannot be a provider',
                hint="choose a root or a branch",
            )
        if worker and facts.is_root:
            raise WrongState(
                f'node "{self.node}" is the root and reads from nobody',
                hint=f"let another node become the root with: tailrace takeover {self.node}",
            )
        if worker and view.is_below(self.to, self.node):
            raise WrongState(
                f'node "{self.to}" gets its events by way of node "{self.node}" and cannot be '
                "its provider",
                hint=f'to swap them, run on node "{self.to}": tailrace takeover {self.node}',
            )
        for name in self.moving(view):
            tick = facts.positions[name].tick
            if new.oldest is not None and tick < new.oldest and not self._given_up(name):
                raise self.missing(view, name)

    async def verify(self, hands: Hands, view: View) -> None:
        """The same, and ask the new provider for each tick."""
        self.check(view)
        facts, new = view[self.node], view[self.to]
        for name in self.moving(view):
            tick = facts.positions[name].tick
            if self._given_up(name) or tick > (new.newest or 0):
                continue
            if not await hands.db(self.to).fetch_value(
                queries.has_tick, queue=hands.queue, tick=tick
            ):
                raise self.missing(view, name)

    def _given_up(self, name: str) -> bool:
        return self.give_up_pins and name.startswith(PIN)

    def missing(self, view: View, name: str) -> TailraceError:
        """Make the error for a tick that the new provider does not keep."""
        new, tick = view[self.to], view[self.node].positions[name].tick
        kept = f"it keeps ticks {new.oldest} to {new.newest}"
        if name.startswith(PIN):
            return LostPosition(
                f'pin "{name}" of node "{self.node}" needs tick {tick} of queue "{view.queue}", '
                f'which node "{self.to}" does not have; {kept}',
                hint="give the savepoint's events up with --give-up-pins, or drop the savepoint",
            )
        return LostPosition(
            f'consumer "{name}" of node "{self.node}" has completed tick {tick} of queue '
            f'"{view.queue}", which node "{self.to}" does not have; {kept}',
            hint="a node below a sync group can only move to its members and nodes under them; "
            "otherwise drop the node and create it again",
        )

    # ---------------------------------------------------------------- how it is done

    def steps(self, view: View, before: View, *, switched: bool = False) -> Iterator[Step]:
        """Say what is left to do; ``switched``: this run has changed the provider already.

        ``before`` is how each node was when it was first seen. What is moved goes on: a node that
        somebody had paused does so as a whole.
        """
        facts, new = view[self.node], view[self.to]
        moving = self.moving(view)
        if moving:
            yield from self._approach(view, moving)
            yield from self._let_go(view, moving)
        elif self._forgotten(facts, new):
            yield self._register(facts, facts.worker, facts.place.tick)
        held = tuple(name for name in moving if not self._unpinned(new, facts, name))
        if held:
            also = self._paused_with_it(before) if facts.worker in held else ()
            yield Switch(self.node, held, self.to, also, moved=self.node)
        if facts.worker in moving or (self._with_worker(view) and facts.provider == self.to):
            yield from self._depart(view, facts, switched=switched or bool(moving))
            return
        alone = self.consumer
        if alone is None or alone.startswith(PIN):
            return
        if moving or (switched and not facts.positions[alone].uptodate):
            yield Acknowledge(self.node, (alone,), moved=self.node)

    def _approach(self, view: View, moving: Sequence[str]) -> Iterator[Step]:
        """Have the new provider keep events, stop, and agree with it on the tick.

        It is told before anybody stops. So whoever looks at the nodes later can tell a pause that
        belongs to a move from one that somebody wants.
        """
        facts, new = view[self.node], view[self.to]
        if self.to not in facts.members:
            yield Introduce(self.node, self.to, moved=self.node)
        if self.node not in new.members:
            yield Introduce(self.to, self.node, moved=self.node)
        held = [name for name in moving if not self._unpinned(new, facts, name)]
        for name in held:
            if not self._registered(facts, new, name):
                yield self._register(facts, name, min(facts.positions[name].tick, new.newest or 0))
        yield from self._keeping(view)
        running = tuple(name for name in moving if self._runs(facts, name))
        if not all(_at_rest(facts, name) for name in running):
            yield Pause(self.node, running, moved=self.node)
        furthest = max(facts.positions[name].tick for name in moving)
        if new.newest is not None and new.newest < furthest:
            yield AwaitTick(self.to, furthest, self.node, moved=self.node)
        for name in moving:
            tick = facts.positions[name].tick
            if name not in held:
                # its position tells who holds it, so that goes last
                yield from self._let_go(view, (name,))
                yield Unpin(self.node, name, moved=self.node)
            elif self._registered(facts, new, name) and new.readers.get(name) != tick:
                yield self._register(facts, name, tick)

    def _keeping(self, view: View) -> Iterator[Step]:
        """Have all nodes above keep events for those who are behind as well, not only the provider.

        It, and those above it, may have told that nobody needs them any more. A sync node tells of
        its own progress only, whoever is below it.
        """
        lower = view[self.to]
        for name in view.above(self.to):
            if lower.agrees or name not in view.nodes:
                return
            upper = view[name]
            told = upper.readers.get(f".{lower.name}.watermark")
            if told is not None and told > max(lower.local_watermark, upper.global_watermark):
                yield LowerReport(upper.name, lower.name, lower.worker, moved=self.node)
            lower = upper

    def _forgotten(self, facts: NodeFacts, new: NodeFacts) -> bool:
        """Whether its provider keeps nothing for the node any more, though it reads there."""
        return (
            self.consumer in (None, facts.worker)
            and facts.provider == self.to
            and not self._registered(facts, new, facts.worker)
        )

    def _runs(self, facts: NodeFacts, name: str) -> bool:
        """Whether there is a program that has to stop."""
        return not name.startswith(PIN) and (name == facts.worker or not self.lost)

    def _registered(self, facts: NodeFacts, new: NodeFacts, name: str) -> bool:
        if name == facts.worker and new.subscribers.get(self.node) != name:
            return False
        return name in new.readers

    def _register(self, facts: NodeFacts, name: str, tick: int) -> Step:
        if name == facts.worker:
            return Subscribe(self.to, self.node, name, tick, moved=self.node)
        return Attach(self.to, name, tick, moved=self.node)

    def _unpinned(self, new: NodeFacts, facts: NodeFacts, name: str) -> bool:
        lost = new.oldest is not None and facts.positions[name].tick < new.oldest
        return lost and self._given_up(name)

    def _let_go(self, view: View, moving: Sequence[str]) -> Iterator[Step]:
        """Whom a plain consumer left is known only until it has left, so this comes before."""
        source = self.leaving(view)
        worker = view[self.node].worker
        for name in moving:
            if name != worker and source in view.nodes and name in view[source].readers:
                yield Detach(source, name, moved=self.node)

    def _depart(self, view: View, facts: NodeFacts, *, switched: bool) -> Iterator[Step]:
        """Have whoever still keeps events for the worker let go, once it reads elsewhere."""
        stale = [
            name
            for name, node in sorted(view.nodes.items())
            if name != self.to and self.node in node.subscribers
        ]
        settled = facts.provider == self.to and facts.place.uptodate
        if (stale or switched) and not settled:
            yield Acknowledge(self.node, (facts.worker,), moved=self.node)
        for name in stale:
            yield Unsubscribe(name, self.node, moved=self.node)

    def undoing(self, view: View, before: View) -> Iterator[Step]:
        """Let the consumers go on where they were; ``before`` is how it was at the start."""
        facts, new = view.nodes.get(self.node), view.nodes.get(self.to)
        if facts is None or not self.moving(view):
            return
        first, began = before[self.node], before.nodes.get(self.to)
        running = [one for one in self.moving(view) if self._runs(facts, one)]
        wanted = [one for one in running if self._was_paused(first, began, one)]
        paused = tuple(one for one in running if facts.positions[one].paused and one not in wanted)
        if paused:
            yield Resume(self.node, paused, moved=self.node)
        if new is not None and facts.provider != self.to and self.node in new.subscribers:
            yield Unsubscribe(self.to, self.node, moved=self.node)
        for name in running:
            if new is not None and name != facts.worker and name in new.readers:
                yield Detach(self.to, name, moved=self.node)

    def _was_paused(self, first: NodeFacts, began: NodeFacts | None, name: str) -> bool:
        """Whether it was paused before anybody began to move it."""
        return (
            name in first.positions
            and _at_rest(first, name)
            and not (began is not None and self._registered(first, began, name))
        )

    def _paused_with_it(self, before: View) -> tuple[str, ...]:
        """The node's applying consumer, where the whole node was paused."""
        first = before[self.node]
        whole = self._was_paused(first, before.nodes.get(self.to), first.worker)
        stands = first.apply is not None and first.apply.paused
        return (f"{self.node}.apply",) if whole and stands else ()


def _at_rest(facts: NodeFacts, name: str) -> bool:
    return facts.positions[name].paused and facts.positions[name].uptodate


class ChangeProvider:
    """The command: one move, as an operation."""

    def __init__(self, move: Move, before: View) -> None:
        self._move = move
        self._before = before
        self._switched = False

    def steps(self, view: View) -> list[Step]:
        """Say what is left to do."""
        return list(self._move.steps(view, self._before, switched=self._switched))

    def undoing(self, view: View) -> list[Step]:
        """Let the node go on where it was."""
        return list(self._move.undoing(view, self._before))

    def concerned(self) -> Collection[str]:
        """Look at all nodes: any of them may have a stale registration."""
        return ()

    def done(self, step: Step, _: object) -> None:
        """Remember that the node has been switched, so that it is waited for."""
        self._switched = self._switched or isinstance(step, Switch)

    def failed(self, _: Step, __: TailraceError) -> bool:
        """A single move fails as a whole."""
        return False
