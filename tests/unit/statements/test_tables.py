"""The tables are those of the grammar, and reading a statement needs nothing else."""

from __future__ import annotations

import subprocess
import sys

from lark import Token, Tree

from fixtures.statements import written_out
from tailrace.statements import compile as compiling
from tailrace.statements.help import ENTRIES


def test_tables_are_made_from_the_grammar_as_it_is() -> None:
    text = compiling.TABLES.read_text(encoding="utf-8")
    assert text == compiling.tables_text(), "run: make grammar"


def test_lark_itself_reads_the_same_statements() -> None:
    parser = compiling.lark_parser()
    for entry in ENTRIES:
        for syntax in (entry.syntax, *entry.accepted):
            for text in written_out(syntax):
                tree = parser.parse(text)
                assert isinstance(tree, Tree)
                assert not isinstance(tree.children[0], Token)


def test_reading_a_statement_imports_little() -> None:
    """Cold `tailrace sql` has 0.4 s in all; lark alone would take 80 ms of them, msgspec 35."""
    program = (
        "import sys\n"
        "from tailrace.statements.parser import parse\n"
        "parse('SHOW JOBS')\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"lark", "msgspec", "dataclasses", "inspect", "asyncio", "psycopg", "difflib"}
    assert not heavy & set(result.stdout.split())
