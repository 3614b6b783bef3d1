"""``change-provider`` and ``takeover``: rewiring a cascade."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option, write_rows
from tailrace.cli.targets import dead_option, timeout_option

if TYPE_CHECKING:
    from tailrace.cascade.operation import Hands, Step

F = TypeVar("F", bound=Callable[..., Any])


def _plan_option(function: F) -> F:
    return click.option("--plan", is_flag=True, help="Show the steps and do nothing.")(function)


@command("change-provider")
@click.argument("name", metavar="[NODE]", required=False)
@click.option("--provider", metavar="NODE", help="Node to read from: root or branch.")
@click.option("--node", metavar="NODE", help="The same as NODE.  [default: this node]")
@click.option(
    "--consumer",
    metavar="NAME",
    help="Only this consumer.  [default: the worker and all that reads where it reads]",
)
@click.option(
    "--give-up-pins",
    is_flag=True,
    help="Go on although events kept for savepoints cannot be kept at the new provider.",
)
@dead_option
@timeout_option
@_plan_option
@format_option()
async def change_provider(
    call: Invocation,
    name: str | None,
    provider: str | None,
    node: str | None,
    consumer: str | None,
    give_up_pins: bool,
    dead: tuple[str, ...],
    timeout: float | None,
    plan: bool,
    form: str,
) -> int:
    """Let NODE read from another node; it goes on at the tick where it stopped.

    Nothing is copied again. Its worker is paused meanwhile and goes on afterwards. Interrupted at
    any point, the same command completes it.
    """
    from tailrace.cascade.moving import ChangeProvider, Move
    from tailrace.cascade.operation import carry_out

    if provider is None:
        raise click.UsageError(f"{call.command} needs the node to read from: --provider NODE")
    if name and node and name != node:
        raise click.UsageError(f'{call.command}: is it node "{name}" or "{node}"?')
    async with _hands(call, dead=dead, timeout=timeout) as (hands, here):
        target = name or node or here
        view = await hands.survey.look()
        move = Move(node=target, to=provider, consumer=consumer, give_up_pins=give_up_pins)
        _known(hands, target, provider)
        await move.verify(hands, view)
        _tell_away(call, view.away)
        operation = ChangeProvider(move, view)
        if plan:
            _show(form, operation.steps(view))
            return 0
        await hands.survey.claim(target)
        steps = await carry_out(operation, hands)
        _tell_who_may_hold(call, hands, steps)
    what = f'consumer "{consumer}" of node "{target}"' if consumer else f'node "{target}"'
    call.say(f'{what} reads from node "{provider}"' + ("" if steps else " already"))
    return 0


@command("takeover")
@click.argument("old", metavar="OLD")
@click.option("--node", metavar="NODE", help="The node that takes over.  [default: this node]")
@click.option("--all", "everybody", is_flag=True, help="Move all that read from OLD as well.")
@click.option("--dead-root", is_flag=True, help="OLD is lost and was the root.")
@click.option("--dead-branch", is_flag=True, help="OLD is lost and was a branch or leaf.")
@click.option(
    "--promote-anyway",
    is_flag=True,
    help="Become the root although tables here lack what cannot be applied or copied.",
)
@click.option(
    "--give-up-pins",
    is_flag=True,
    help="Go on although events kept for savepoints cannot be kept at the new provider.",
)
@dead_option
@timeout_option
@_plan_option
@format_option()
async def takeover(call: Invocation, old: str, **options: Any) -> int:
    """Take the place of node OLD.

    A root becomes a branch of this node, and this node the root; any other node is moved below this
    one. Given up or interrupted, nothing is half done for long: run again, the command completes
    what is left, or gives up again and undoes it.

    When OLD is lost, say what it was with --dead-root or --dead-branch: it is marked dead, and
    whatever read from it is moved.
    """
    from tailrace.cascade.failover import Failover, operation_for, refuse_living_root
    from tailrace.cascade.operation import carry_out
    from tailrace.cascade.takeover import Wish

    lost = _lost(call, options["dead_root"], options["dead_branch"])
    async with _hands(
        call, dead=options["dead"], timeout=options["timeout"], lost=(old,) if lost else ()
    ) as (hands, here):
        wish = Wish(
            old=old,
            new=options["node"] or here,
            everybody=options["everybody"],
            anyway=options["promote_anyway"],
            give_up_pins=options["give_up_pins"],
        )
        _known(hands, wish.old, wish.new)
        view = await hands.survey.look()
        operation = operation_for(wish, view, lost)
        _tell_away(call, view.away)
        if lost is not None:
            refuse_living_root(wish, await hands.survey.probe(old), view)
        await operation.verify(hands, view)
        if options["plan"]:
            _show(options["form"], operation.steps(view))
            return 0
        await hands.survey.claim(*(name for name in (old, wish.new) if name in view.nodes))
        steps = await carry_out(operation, hands)
        _tell_who_may_hold(call, hands, steps)
    done = f'node "{wish.new}" has taken the place of node "{old}"'
    call.say(done + ("" if steps else " already"))
    if isinstance(operation, Failover):
        operation.conclude()
    return 0


def _lost(call: Invocation, root: bool, branch: bool) -> Literal["root", "branch"] | None:
    if root and branch:
        raise click.UsageError(f"{call.command}: --dead-root and --dead-branch exclude each other")
    return "root" if root else "branch" if branch else None


def _tell_away(call: Invocation, away: Mapping[str, str]) -> None:
    for name, reason in sorted(away.items()):
        call.warn(f'node "{name}" cannot be asked and is left as it is: {reason}')


def _tell_who_may_hold(call: Invocation, hands: Hands, steps: int) -> None:
    """Whoever could not be asked may still keep events for a node that has left it."""
    for name in sorted(hands.survey.away) if steps else ():
        call.warn(
            f'node "{name}" may still keep events for a node that has left it; when it answers, '
            "run this again"
        )


@asynccontextmanager
async def _hands(
    call: Invocation,
    *,
    dead: Collection[str],
    timeout: float | None,
    lost: Collection[str] = (),
) -> AsyncIterator[tuple[Hands, str]]:
    """Connect to everybody; also return the name of the node that was configured."""
    from tailrace.cascade.node import choose_queue, need_node
    from tailrace.cascade.operation import Hands
    from tailrace.cascade.survey import Survey
    from tailrace.cascade.waiting import Patience

    async with call.database() as db, AsyncExitStack() as stack:
        queue = await choose_queue(db, call.settings.queue)
        here = await need_node(db, queue)
        survey = Survey(queue, call.command, stack, dead=dead)
        await survey.open(db, lost=lost)
        yield Hands(survey, Patience(timeout, call.say), call.say), here.name


def _known(hands: Hands, *names: str) -> None:
    """Complain about a name that is no member, before it is looked for anywhere."""
    from tailrace.errors import NotFound

    for name in names:
        if name not in hands.survey.members:
            known = ", ".join(sorted(hands.survey.members))
            raise NotFound(
                f'there is no node "{name}" in queue "{hands.queue}"; its nodes: {known}'
            )


def _show(form: str, steps: Sequence[Step]) -> None:
    """Write the steps of a plan."""
    rows = [
        {"step": number, "name": step.name, "node": step.node, "what": step.sentence}
        for number, step in enumerate(steps, start=1)
    ]
    write_rows(form, ("step", "name", "node", "what"), rows, title="Steps")
