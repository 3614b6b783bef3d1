"""Taking the place of another node that is alive.

A root gives its role to a branch below it and becomes its branch; a branch or leaf is moved below
the node that takes its place. In both cases the others stay where they are unless they are asked
along. When the other node is lost, see ``failover``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tailrace import log
from tailrace.cascade.moving import Move
from tailrace.cascade.operation import Hands, Step
from tailrace.cascade.promoting import (
    CATCH_UP_SECONDS,
    AwaitCurrent,
    AwaitServed,
    AwaitTables,
    AwaitWriters,
    CatchUp,
    Close,
    Demote,
    FinalTick,
    Promote,
    Reopen,
)
from tailrace.cascade.steps import (
    Acknowledge,
    Introduce,
    Pause,
    Resume,
    Subscribe,
    Switch,
    Unsubscribe,
)
from tailrace.cascade.survey import NodeFacts, View
from tailrace.errors import TailraceError, WrongState

_logger = log.get("cascade.takeover")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for: ``new`` takes the place of ``old``."""

    old: str
    new: str
    everybody: bool = False
    """All other nodes that read from ``old`` are moved as well."""
    anyway: bool = False
    """What cannot be applied to the new root's tables is given up."""
    give_up_pins: bool = False


class Takeover(ABC):
    """What all kinds have in common: who is moved, what was done, who could not be moved."""

    def __init__(self, wish: Wish, before: View) -> None:
        self.wish = wish
        self.failures: dict[str, TailraceError] = {}
        self._before = before
        self._switched: set[str] = set()
        self._passed: set[str] = set()

    @abstractmethod
    def steps(self, view: View) -> list[Step]:
        """Say what is left to do."""

    @abstractmethod
    def undoing(self, view: View) -> list[Step]:
        """Say what is to be taken back."""

    @abstractmethod
    def moves(self, view: View) -> list[Move]:
        """Whom to move, in order."""

    def concerned(self) -> Collection[str]:
        """Look at all nodes, unless somebody waits for us."""
        return ()

    async def verify(self, hands: Hands, view: View) -> None:
        """Refuse what cannot work, before anything has been changed."""
        new = self.wish.new
        for move in self.moves(view):
            if move.node != new and view.is_below(new, move.node):
                continue  # by then the new node is out of its way, and as far as it
            await move.verify(hands, view)

    def done(self, step: Step, _: object) -> None:
        """Remember what cannot be seen by looking at the nodes."""
        self._passed.add(step.name)
        if isinstance(step, Switch):
            self._switched.add(step.node)

    def failed(self, _: Step, __: TailraceError) -> bool:
        """Everything was checked before, so a failure ends it."""
        return False

    def _moving(self, view: View, move: Move) -> Iterator[Step]:
        yield from move.steps(view, self._start(view), switched=move.node in self._switched)

    def _unmoving(self, view: View, move: Move) -> Iterator[Step]:
        yield from move.undoing(view, self._start(view))

    def _start(self, view: View) -> View:
        """How all was at the start; who was away then, as it was when it answered first."""
        self._before = self._before.joined(view)
        return self._before

    def _move(self, node: str, to: str, source: str | None = None) -> Move:
        return Move(node=node, to=to, source=source, give_up_pins=self.wish.give_up_pins)

    def _aside(self, view: View, upper: str) -> list[Move]:
        """The new node moves up to the old one's provider; once there, its traces are removed."""
        old, new = self.wish.old, view[self.wish.new]
        if view.is_below(new.name, old):
            return [self._move(new.name, upper)]
        if not new.is_root and new.provider in view.nodes:
            return [self._move(new.name, new.provider)]
        return []

    def _others(self, view: View) -> list[Move]:
        """Moves of all other nodes that read from the old one, or are still registered there."""
        old, new = self.wish.old, self.wish.new
        registered = view[old].subscribers if old in view.nodes else {}
        return [
            self._move(name, new, old)
            for name, node in sorted(view.nodes.items())
            if name not in (old, new)
            and (reads_from(node, old) or (name in registered and node.provider == new))
        ]

    def _rooted(self, view: View) -> Iterator[Step]:
        """Nobody keeps events for the new node any more, once it is the root."""
        new = self.wish.new
        for name, node in sorted(view.nodes.items()):
            if name != new and new in node.subscribers:
                yield Unsubscribe(name, new)

    def _settled(self, view: View, *names: str) -> Iterator[Step]:
        """Wait until the workers have seen what has become of their nodes."""
        for name in names:
            if self._passed and not view[name].place.uptodate:
                yield Acknowledge(name, (view[name].worker,))


def reads_from(node: NodeFacts, provider: str) -> bool:
    """Whether any consumer that writes into a node reads from another one."""
    return any(place.provider == provider for place in node.positions.values())


class RootSwitchover(Takeover):
    """The root and a branch below it change roles, while both are alive."""

    def __init__(self, wish: Wish, before: View) -> None:
        super().__init__(wish, before)
        self._late = False

    def moves(self, view: View) -> list[Move]:
        """Only those that are asked along."""
        return self._others(view) if self.wish.everybody else []

    async def verify(self, hands: Hands, view: View) -> None:
        """Also look at the two themselves."""
        old, new = view[self.wish.old], view[self.wish.new]
        if new.is_root and old.is_root and not old.closed:
            raise WrongState(
                f'both node "{old.name}" and node "{new.name}" are roots and accept writes',
                hint="find out which one is right before anything else; see docs/howto/failover.md",
            )
        if not new.holds_queue:
            raise WrongState(f'node "{new.name}" is a leaf and cannot become the root')
        heir = next(
            (one for one in view.nodes.values() if one.is_root and one.name != old.name), None
        )
        if heir is not None and heir.name != new.name:
            raise WrongState(
                f'node "{heir.name}" has been promoted in the place of node "{old.name}"',
                hint=f"complete that with: tailrace takeover {old.name} --node {heir.name}; "
                f"then: tailrace takeover {heir.name} --node {new.name}",
            )
        if not new.is_root and not view.is_below(new.name, old.name):
            raise WrongState(
                f'node "{new.name}" does not get its events from node "{old.name}"',
                hint="see who reads from whom with: tailrace status",
            )
        await super().verify(hands, view)
        for table in sorted(set(old.tables) - set(new.tables)):
            _logger.warning(
                'table "%s" is not replicated on node "%s" and will not be any more',
                table,
                new.name,
            )

    def steps(self, view: View) -> list[Step]:
        """Say what is left to do."""
        old, new = view[self.wish.old], view[self.wish.new]
        left: list[Step] = []
        if not new.is_root and self._late:
            return self._reopening(old, new)
        if not new.is_root:
            left += self._abandoned(view)
            left += self._before_closing(old, new)
            left += self._until_promoted(old, new)
        if old.is_root:
            left += self._demotion(view, old, new)
        left += self._settled(view, new.name, old.name)
        for move in self.moves(view):
            left += self._moving(view, move)
        return left

    def done(self, step: Step, result: object) -> None:
        """Notice when writers have been blocked for too long, and begin again after that."""
        super().done(step, result)
        if result is False:
            self._late = True
        if isinstance(step, Reopen):
            self._late = False
            self._passed -= {one.name for one in (AwaitCurrent, AwaitWriters, Close, FinalTick)}

    def concerned(self) -> Collection[str]:
        """While nobody can write, only the two count, and the others would cost time."""
        closed = Close.name in self._passed and Promote.name not in self._passed
        return (self.wish.old, self.wish.new) if closed else ()

    def _reopening(self, old: NodeFacts, new: NodeFacts) -> list[Step]:
        """Let the old root be written to; the permit to promote the new one goes first."""
        resume = [Resume(new.name, _paused(new))] if _paused(new) else []
        return [*resume, Reopen(old.name, old.worker)]

    def _abandoned(self, view: View) -> Iterator[Step]:
        """Take the permit to be promoted from another branch, whose takeover was not completed."""
        if not self._before[self.wish.old].closed:
            return
        for name, node in sorted(view.nodes.items()):
            if name != self.wish.new and node.type == "branch" and node.place.paused:
                yield Resume(name, (node.worker,))

    def _before_closing(self, old: NodeFacts, new: NodeFacts) -> Iterator[Step]:
        """What may take long happens while everybody can write."""
        if old.closed:
            return
        paused = _paused(new)
        if paused:
            yield Resume(new.name, paused)
        if AwaitCurrent.name not in self._passed:
            yield AwaitCurrent(new.name, old.name, tables=not self.wish.anyway)
        if AwaitServed.name not in self._passed:
            yield AwaitServed(old.name, old.worker)
        if AwaitWriters.name not in self._passed:
            yield AwaitWriters(old.name)

    def _until_promoted(self, old: NodeFacts, new: NodeFacts) -> Iterator[Step]:
        """Nobody can write from here on until the new root has been promoted."""
        if not old.closed:
            yield Close(old.name, old.worker)
        final, top = FinalTick.name in self._passed, old.newest or 0
        behind = not final or new.place.tick < top
        applying = not self.wish.anyway and (
            bool(new.copying) or (new.apply is not None and (not final or new.apply.tick < top))
        )
        stopped = tuple(
            name
            for name in _paused(new)
            if (behind and name == new.worker) or (applying and name != new.worker)
        )
        if not final:
            yield FinalTick(old.name)
        elif stopped:
            yield Resume(new.name, stopped)
        if behind:
            yield CatchUp(new.name, old.name)
        if applying:
            yield AwaitTables(new.name, CATCH_UP_SECONDS)
        if behind or not new.at_rest:
            yield Pause(new.name, (new.worker,))
        yield Promote(new.name, old.name, anyway=self.wish.anyway)

    def _demotion(self, view: View, old: NodeFacts, new: NodeFacts) -> Iterator[Step]:
        """The old root goes on at its last tick, as a branch of the new one."""
        top = old.newest or 0
        if not old.at_rest:
            yield Pause(old.name, (old.worker,))
        if old.name not in new.members:
            yield Introduce(new.name, old.name)
        if new.name not in old.members:
            yield Introduce(old.name, new.name)
        if new.subscribers.get(old.name) != old.worker or new.readers.get(old.worker) != top:
            yield Subscribe(new.name, old.name, old.worker, top)
        yield from self._rooted(view)
        yield Demote(old.name, new.name)

    def undoing(self, view: View) -> list[Step]:
        """Let the old root be written to again, unless the new one has been promoted.

        The pause of the new root goes first: without it, a promotion that is still on its way, or
        comes from a command that was frozen, is refused.
        """
        old, new = view[self.wish.old], view[self.wish.new]  # else nothing can be known
        left: list[Step] = []
        if old.is_root and old.closed and not new.is_root:
            left += self._reopening(old, new)
        for move in self.moves(view):
            left += self._unmoving(view, move)
        return left


def _paused(node: NodeFacts) -> tuple[str, ...]:
    """Those of a node's worker and applying consumer that are paused."""
    names = (node.worker, f"{node.name}.apply")
    return tuple(name for name in names if name in node.positions and node.positions[name].paused)


class BranchTakeover(Takeover):
    """A node is moved below the one that takes its place, which is first moved out of its way."""

    def moves(self, view: View) -> list[Move]:
        """First the new node up, then the old one down, then whoever is asked along."""
        old, new = self.wish.old, self.wish.new
        found = self._aside(view, view[old].provider)
        found.append(self._move(old, new))
        return found + (self._others(view) if self.wish.everybody else [])

    async def verify(self, hands: Hands, view: View) -> None:
        """Refuse what cannot work."""
        if not view[self.wish.new].holds_queue:
            raise WrongState(f'node "{self.wish.new}" is a leaf and cannot be a provider')
        await super().verify(hands, view)

    def steps(self, view: View) -> list[Step]:
        """Say what is left to do."""
        left: list[Step] = []
        for move in self.moves(view):
            left += self._moving(view, move)
        if view[self.wish.new].is_root:
            left += self._rooted(view)
        return left

    def undoing(self, view: View) -> list[Step]:
        """Each move either has happened or has not."""
        return [step for move in self.moves(view) for step in self._unmoving(view, move)]
