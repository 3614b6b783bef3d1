"""Turns ``grammar.lark`` into ``tables.py``; ``make grammar`` runs it after each change.

lark reads the grammar and works out the LALR(1) tables; what reads statements needs nothing but
these (``automaton``). Importing lark takes twice as long as reading a statement may take in all,
and with it a cache file would have to lie somewhere.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark

GRAMMAR = Path(__file__).with_name("grammar.lark")
TABLES = Path(__file__).with_name("tables.py")
END = "$END"

# Terminals of the grammar that say how a value is written; parser.py knows these kinds.
WRITTEN = ("STRING", "NAME", "NUMBER", "REST")

_HEAD = '''"""The grammar as tables: made from grammar.lark by compile.py, never edited.

``STATES[state][terminal]`` is the state to go to, or -(n + 1) to reduce by ``RULES[n]``, which is a
rule's name and length; ``STATES[state][rule]`` is the state after that rule. Start: state 0.
"""

'''


def lark_parser() -> Lark:
    """The grammar as a parser of lark's own; tests compare ours with it."""
    from lark import Lark

    text = GRAMMAR.read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="contextual", maybe_placeholders=False)


def tables_text() -> str:
    """The content that ``tables.py`` must have."""
    lark = lark_parser()
    table = lark.parser.parser._parse_table
    order = [terminal.name for terminal in lark.terminals] + [END]
    states, rules = _numbered(table, order)
    keywords, symbols = _literals(lark)
    return (
        _HEAD
        + _assignment("KEYWORDS: tuple[str, ...]", keywords, "(", ")")
        + _assignment("SYMBOLS: dict[str, str]", symbols, "{", "}")
        + _assignment("VALUES: dict[str, str]", _values(), "{", "}")
        + _assignment("RULES: tuple[tuple[str, int], ...]", rules, "(", ")")
        + _assignment("STATES: tuple[dict[str, int], ...]", states, "(", ")")
    ).rstrip("\n") + "\n"


def _assignment(name: str, lines: list[str], opening: str, closing: str) -> str:
    body = "".join(f"    {line},\n" for line in lines)
    return f"{name} = {opening}\n{body}{closing}\n\n"


def _mapping(items: list[str]) -> str:
    """A dictionary as ruff would format it: on one line when it fits."""
    line = "{" + ", ".join(items) + "}"
    return line if len(line) < 95 else "{\n        " + ",\n        ".join(items) + ",\n    }"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _literals(lark: Lark) -> tuple[list[str], list[str]]:
    """The keywords, and what each punctuation mark is called in the tables."""
    keywords, symbols = [], []
    for terminal in lark.terminals:
        if type(terminal.pattern).__name__ != "PatternStr":
            continue
        if terminal.pattern.value == terminal.name:
            keywords.append(_quoted(terminal.name))
        else:
            symbols.append(f"{_quoted(terminal.pattern.value)}: {_quoted(terminal.name)}")
    return keywords, symbols


def _values() -> list[str]:
    """For each value what it is written as: the lines ``JOB_ID: STRING`` of the grammar."""
    text = GRAMMAR.read_text(encoding="utf-8")
    found = re.findall(rf"^([A-Z_]+): ({'|'.join(WRITTEN)})$", text, re.MULTILINE)
    return [f"{_quoted(name)}: {_quoted(written)}" for name, written in found]


def _numbered(table: Any, order: list[str]) -> tuple[list[str], list[str]]:
    """States and rules in the order in which they are met, so that equal grammars give equal text.

    (lark numbers its states as its sets happen to be ordered.)
    """
    from lark.parsers.lalr_analysis import Shift

    rank = {name: index for index, name in enumerate(order)}
    start, end = table.start_states["start"], table.end_states["start"]
    numbers, lines = {start: 0}, []
    rules: dict[tuple[str, int], int] = {}
    waiting = [start]
    for state in waiting:
        actions = dict(table.states[state])
        items = []
        for name in sorted(actions, key=lambda name: (rank.get(name, len(rank)), name)):
            action, argument = actions[name]
            if action is Shift:
                if argument not in numbers:
                    numbers[argument] = len(numbers)
                    waiting.append(argument)
                number = numbers[argument]
            else:
                key = (str(argument.origin.name), len(argument.expansion))
                number = -1 - rules.setdefault(key, len(rules))
            items.append(f"{_quoted(name)}: {number}")
        if state == end:
            items.append(f'"{END}": 0')  # to where does not matter: the statement is complete
        lines.append(_mapping(items))
    return lines, [f"({_quoted(name)}, {length})" for name, length in rules]


if __name__ == "__main__":
    TABLES.write_text(tables_text(), encoding="utf-8")
    sys.stderr.write(f"wrote {TABLES}\n")
