"""Commands that die, or fail, before their n-th step; without a process of their own for each.

What a SIGKILL leaves behind is what the databases hold, and connections that end. The same is left
when the command ends with something that nothing in it catches.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from fixtures.command import Result
from tailrace.cascade import operation
from tailrace.faults import InjectedFault


class Killed(BaseException):
    """Ends a command like a SIGKILL: nothing tidies up."""


@contextmanager
def dying(before: int, *, how: type[BaseException] = Killed) -> Iterator[list[str]]:
    """Let a command end before its n-th step (from 1); yields the points that it came to."""
    reached: list[str] = []

    async def reach(name: str) -> None:
        reached.append(name)
        if name == "switch.next_step" and reached.count(name) == before:
            raise how("before step", before) if how is Killed else how(f"before step {before}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operation, "reach", reach)
        yield reached


async def killed(command: Callable[[], Awaitable[Result]], before: int) -> bool:
    """Say whether a command died before its n-th step, or had come to its end."""
    with dying(before):
        try:
            await command()
        except Killed:
            return True
    return False


@contextmanager
def dying_while_undoing(step: type[operation.Step], undo: int) -> Iterator[None]:
    """Let a step fail, and the command die before the n-th step of undoing what was done."""
    count = 0

    async def fail(_: object, __: object) -> None:
        raise InjectedFault("the step failed")

    async def reach(name: str) -> None:
        nonlocal count
        count += name == "switch.next_undo"
        if count == undo:
            raise Killed("while undoing")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operation, "reach", reach)
        patch.setattr(step, "do", fail)
        yield


async def failed(command: Callable[[], Awaitable[Result]], before: int) -> Result | None:
    """Let a command fail before its n-th step; None: it had come to its end."""
    with dying(before, how=InjectedFault) as reached:
        result = await command()
    return result if result.status == 1 and reached.count("switch.next_step") >= before else None
