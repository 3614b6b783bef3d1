"""``change-provider`` and ``takeover``: rewiring a cascade."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

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
        operation = ChangeProvider(move, view)
        if plan:
            _show(form, operation.steps(view))
            return 0
        await hands.survey.claim(target)
        steps = await carry_out(operation, hands)
    what = f'consumer "{consumer}" of node "{target}"' if consumer else f'node "{target}"'
    call.say(f'{what} reads from node "{provider}"' + ("" if steps else " already"))
    return 0


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
