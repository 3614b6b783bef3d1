"""The programs that the pages show are Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from textwrap import dedent

PAGE = Path(__file__).parents[3] / "docs/howto/python.md"


def test_examples_for_programs_can_be_compiled_and_name_what_there_is() -> None:
    import tailrace

    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^ {4}.*\n)+", text, re.MULTILINE)
    assert len(blocks) >= 4
    for block in blocks:
        compile(dedent(block), PAGE.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for name in set(re.findall(r"\btailrace\.([A-Za-z_]+)\b", "".join(blocks))):
        assert name in tailrace.__all__, name
