"""Walks the tables of the grammar: what a statement may go on with after what has been read.

A position is a stack of states and never changes; stepping gives a new one. So trying what may
follow, for errors and for completion, is the same as reading.
"""

from __future__ import annotations

from typing import NamedTuple

from tailrace.statements.tables import KEYWORDS, RULES, STATES

END = "$END"
START = (0,)

Stack = tuple[int, ...]

_KEYWORDS = frozenset(KEYWORDS)


class Step(NamedTuple):
    """Where a terminal leads, and the rules that were complete before it."""

    stack: Stack
    rules: tuple[str, ...]


def step(stack: Stack, terminal: str) -> Step | None:
    """Go on with one terminal; None when the grammar does not allow it here."""
    rules: list[str] = []
    while (action := STATES[stack[-1]].get(terminal)) is not None:
        if action >= 0:
            return Step((*stack, action), tuple(rules))
        name, length = RULES[-action - 1]
        stack = stack[: len(stack) - length]
        stack = (*stack, STATES[stack[-1]][name])
        rules.append(name)
    return None


def following(stack: Stack) -> tuple[str, ...]:
    """The terminals that may follow, in the order of the grammar.

    A state lists more than may follow: it says only that a rule is complete if such a terminal
    comes, not that the terminal fits what stands around the rule. So each one is tried.
    """
    return tuple(name for name in STATES[stack[-1]] if not name[-1].islower() and step(stack, name))


def is_keyword(terminal: str) -> bool:
    """Whether the terminal is a word of the language, and not a value or a sign."""
    return terminal in _KEYWORDS


def phrase(stack: Stack, keyword: str) -> str:
    """The keyword and those that must follow it, such as ``OLDER THAN INTERVAL``."""
    words = [keyword]
    while True:
        after = step(stack, words[-1])
        next_ones = following(after.stack) if after else ()
        if after is None or len(next_ones) != 1 or not is_keyword(next_ones[0]):
            return " ".join(words)
        stack = after.stack
        words.append(next_ones[0])
