"""Taking the place of a node that is lost.

The nodes that read from a lost root have perhaps not got equally far. They are frozen first; the
new root is then brought up to the most advanced branch among them and becomes the root, and only
then the others are moved: the ticks that they stand at exist there now. A consumer
``OLD.gravestone`` remains at the last common tick, by which ``resurrect`` later finds what only the
lost root has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from tailrace import log
from tailrace.cascade.moving import Move
from tailrace.cascade.operation import Hands, Step
from tailrace.cascade.promoting import AwaitTables, CompleteTicks, MarkDead, Promote
from tailrace.cascade.steps import AwaitPassed, Pause, Resume
from tailrace.cascade.survey import NodeFacts, View
from tailrace.cascade.takeover import BranchTakeover, RootSwitchover, Takeover, Wish, reads_from
from tailrace.errors import ConnectError, LostPosition, NotFound, TailraceError, WrongState

_logger = log.get("cascade.failover")


class Failover(Takeover):
    """The old node is not asked; all that read from it are moved."""

    def failed(self, step: Step, error: TailraceError) -> bool:
        """A node that cannot be moved does not keep the others from it."""
        if not step.moved or step.moved == self.wish.new:
            return False
        self.failures[step.moved] = error
        return True

    def conclude(self) -> None:
        """Complain about those that could not be moved, when everything else is done."""
        for error in self.failures.values():
            _logger.warning("%s", error)
        if self.failures:
            names = ", ".join(f'"{name}"' for name in sorted(self.failures))
            raise WrongState(
                f'node "{self.wish.new}" has taken the place of "{self.wish.old}", but these '
                f"could not be moved: {names}"
            )

    def _others(self, view: View) -> list[Move]:
        """Also plain consumers of the new node itself, which holds what they read."""
        old, new = self.wish.old, view[self.wish.new]
        found = super()._others(view)
        if new.provider != old and reads_from(new, old):
            found.append(self._move(new.name, new.name, old))
        return [replace(move, lost=True) for move in found]

    def _marks(self, view: View) -> Iterator[Step]:
        lost = self.wish.old
        for name, node in sorted(view.nodes.items()):
            known = node.members.get(lost)
            if known is not None and not known.dead:
                yield MarkDead(name, lost)

    def _orphans(self, view: View) -> Iterator[Step]:
        """Move everybody who can be moved; who cannot goes on waiting where it was."""
        for move in self._others(view):
            stay = self._homeless(view, move)
            worker = view[move.node].worker
            for name, error in stay.items():
                self.failures[move.node if name == worker else f"{move.node}/{name}"] = error
            if move.node in self.failures:
                yield from self._unmoving(view, move)
            else:
                yield from self._moving(view, replace(move, without=tuple(stay)))

    def _homeless(self, view: View, move: Move) -> dict[str, TailraceError]:
        """Consumers of a node that stand at ticks which the new provider does not have."""
        new, positions = view[self.wish.new], view[move.node].positions
        return {
            name: move.missing(view, name)
            for name in move.moving(view)
            if name != view[move.node].worker and positions[name].tick < (new.oldest or 0)
        }


class RootFailover(Failover):
    """The root is lost; a branch becomes the root."""

    def moves(self, view: View) -> list[Move]:
        """All that read from the lost root, the new root excepted."""
        return self._others(view)

    async def verify(self, hands: Hands, view: View) -> None:
        """Refuse a node that cannot become the root, and a set that has one."""
        new = view[self.wish.new]
        if not new.holds_queue:
            raise WrongState(f'node "{new.name}" is a leaf and cannot become the root')
        old = self.wish.old
        for node in view.nodes.values():
            if node.is_root and node.name != new.name:
                taken = f"{old}.gravestone" in node.readers
                raise WrongState(
                    f'node "{node.name}" is the root of queue "{view.queue}", so "{old}" is not',
                    hint=f"complete its takeover with: tailrace takeover {old} --dead-root "
                    f"--node {node.name}"
                    if taken
                    else f"if it is a branch: tailrace takeover {old} --dead-branch",
                )

    def steps(self, view: View) -> list[Step]:
        """Say what is left to do."""
        left = list(self._marks(view))
        if not view[self.wish.new].is_root:
            left += self._inheritance(view)
        else:
            left += self._released(view)
        left += self._orphans(view)
        left += self._rooted(view)
        left += self._settled(view, self.wish.new)
        return left

    def _cut_off(self, view: View) -> list[NodeFacts]:
        """Nodes whose provider does not answer: one below a second loss may be the furthest."""
        return [
            node
            for _, node in sorted(view.nodes.items())
            if not node.is_root and node.provider not in view.nodes
        ]

    def _released(self, view: View) -> Iterator[Step]:
        """Whoever was frozen below another lost node waits for that one's takeover."""
        for node in self._cut_off(view):
            if node.place.paused and not reads_from(node, self.wish.old):
                yield Resume(node.name, (node.worker,))

    def _inheritance(self, view: View) -> Iterator[Step]:
        """Bring the new root to where the most advanced branch is, then promote it."""
        new = view[self.wish.new]
        heirs = [one for one in self._cut_off(view) if one.name != new.name]
        for heir in heirs:
            if not heir.at_rest:
                yield Pause(heir.name, (heir.worker,))
            elif heir.holds_queue and (heir.newest or 0) < heir.place.tick:
                yield CompleteTicks(heir.name)
        best = max(
            (one for one in heirs if one.holds_queue), key=lambda one: one.place.tick, default=None
        )
        behind = best is not None and best.place.tick > new.place.tick
        tables = not self.wish.anyway and (behind or _tables_behind(new))
        if tables and new.apply is not None and new.apply.paused:
            yield Resume(new.name, (f"{new.name}.apply",))
        if best is not None and behind:
            yield from self._moving(view, self._move(new.name, best.name))
            if new.place.paused and new.provider == best.name:
                yield Resume(new.name, (new.worker,))
            yield AwaitPassed(new.name, new.worker, best.place.tick)
            yield Pause(new.name, (new.worker,))
        elif not new.at_rest:
            yield Pause(new.name, (new.worker,))
        elif (new.newest or 0) < new.place.tick:
            yield CompleteTicks(new.name)
        if tables:
            yield AwaitTables(new.name)
        yield Promote(new.name, self.wish.old, lost=True, anyway=self.wish.anyway)

    def _homeless(self, view: View, move: Move) -> dict[str, TailraceError]:
        """After the promotion also whoever is beyond the bookmark: at ticks that are lost."""
        found = super()._homeless(view, move)
        bookmark = view[self.wish.new].readers.get(f"{self.wish.old}.gravestone")
        for name in move.moving(view):
            tick = view[move.node].positions[name].tick
            if bookmark is not None and tick > bookmark:
                found[name] = LostPosition(
                    f'consumer "{name}" of node "{move.node}" has completed tick {tick}, but '
                    f'the events after tick {bookmark} are lost with node "{self.wish.old}"',
                    hint="what it has brought in is ahead of all others: drop it, and create it "
                    "again",
                )
        return found

    def undoing(self, view: View) -> list[Step]:
        """Let the survivors go on as they were; their provider is lost all the same."""
        new = view.nodes.get(self.wish.new)
        if new is None or new.is_root:
            return []
        left: list[Step] = []
        for name in (new.name, *(one.name for one in self._cut_off(view) if one.name != new.name)):
            facts, before = view.nodes.get(name), self._before.nodes.get(name)
            if facts is not None and facts.place.paused and not (before and before.at_rest):
                left.append(Resume(name, (facts.worker,)))
        return left


def _tables_behind(node: NodeFacts) -> bool:
    behind = node.apply is not None and node.apply.tick < max(node.newest or 0, node.place.tick)
    return behind or bool(node.copying)


class BranchFailover(Failover):
    """A branch or leaf is lost; all that read from it are moved to the new node."""

    def moves(self, view: View) -> list[Move]:
        """First the new node out of the lost one's way, then the others."""
        return self._aside(view, self._upper(view)) + self._others(view)

    def _upper(self, view: View) -> str:
        """The provider of the lost node, by who keeps events for it; else the root."""
        names = [name for name, node in sorted(view.nodes.items())]
        for name in names:
            if self.wish.old in view.nodes[name].subscribers:
                return name
        for name in names:
            if view.nodes[name].is_root:
                return name
        raise NotFound(
            f'nobody knows the provider of node "{self.wish.old}", nor is there a root',
            hint="if it was the root itself: --dead-root",
        )

    async def verify(self, hands: Hands, view: View) -> None:
        """Refuse a new node that cannot provide; the others are looked at when it is their turn."""
        new = view[self.wish.new]
        if not new.holds_queue:
            raise WrongState(f'node "{new.name}" is a leaf and cannot be a provider')
        for move in self.moves(view):
            if move.node == new.name:
                await move.verify(hands, view)

    def steps(self, view: View) -> list[Step]:
        """Say what is left to do."""
        left = list(self._marks(view))
        for move in self._aside(view, self._upper(view)):
            left += self._moving(view, move)
        left += self._orphans(view)
        return left

    def undoing(self, view: View) -> list[Step]:
        """Each move either has happened or has not."""
        return [step for move in self.moves(view) for step in self._unmoving(view, move)]


def operation_for(wish: Wish, view: View, lost: Literal["root", "branch"] | None) -> Takeover:
    """Choose what has to be done by what the old node is, or was."""
    if wish.old == wish.new:
        raise WrongState(f'node "{wish.old}" cannot take itself over')
    if lost == "root":
        return RootFailover(wish, view)
    if lost == "branch":
        return BranchFailover(wish, view)
    if wish.old not in view.nodes:
        reason = view.away.get(wish.old, "it is marked dead")
        raise ConnectError(
            f'node "{wish.old}" of queue "{view.queue}" cannot be asked: {reason}',
            hint="if it is lost, say what it was: --dead-root or --dead-branch",
        )
    if view[wish.old].is_root:
        return RootSwitchover(wish, view)
    return BranchTakeover(wish, view)


def refuse_living_root(wish: Wish, facts: NodeFacts | None, view: View) -> None:
    """A root that answers is not lost: with two roots the rows would part for ever.

    One that is back after it was taken over is known by its gravestone, and one that stepped down
    by accepting no writes: what is left of their takeovers may be done.
    """
    if facts is None or not facts.is_root:
        return
    roots = [node for _, node in sorted(view.nodes.items()) if node.is_root]
    if not roots:
        raise WrongState(
            f'node "{wish.old}" answers and is the root, so it is not lost',
            hint="take it over without --dead-…; if it must not be used, stop its server first",
        )
    taken = any(f"{wish.old}.gravestone" in node.readers for node in roots)
    if not taken and not facts.closed:
        raise WrongState(
            f'both node "{wish.old}" and node "{roots[0].name}" are roots and accept writes',
            hint="find out which one is right before anything else; see docs/howto/failover.md",
        )
