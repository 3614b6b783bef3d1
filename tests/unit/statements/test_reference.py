"""The reference page and HELP say the same."""

from __future__ import annotations

from pathlib import Path

from tailrace.statements.help import ENTRIES
from tailrace.statements.vocabulary import SYNONYMS

PAGE = Path(__file__).parents[3] / "docs/reference/statements.md"


def test_reference_shows_the_syntax_of_every_statement() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = {line.strip() for line in text.splitlines() if line.startswith("    ")}
    for entry in ENTRIES:
        assert f"{entry.syntax};" in shown
        for spelling in entry.accepted:
            assert f"`{spelling}`" in text


def test_help_leaves_no_synonym_out() -> None:
    words = {word for entry in ENTRIES for line in entry.accepted for word in line.split()}
    assert {word for word in SYNONYMS if not word.endswith("S") or word == "ANCIENTS"} <= words
    assert "also with an `S`" in PAGE.read_text(encoding="utf-8")
