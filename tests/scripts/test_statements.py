"""The statements of the reference page, through ``tailrace sql``, with what it prints."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.cascade import cascade as cascade  # the fixtures
from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace
from fixtures.scripts import steps
from fixtures.waiting import eventually
from tailrace.statements.help import ENTRIES

SCRIPT = Path(__file__).with_name("statements.sql")
PAGE = Path(__file__).parents[2] / "docs/reference/statements.md"
TABLES = """
    create table public.orders (id integer primary key, day date, amount integer);
    create table public.revenue (day date primary key, n bigint, total bigint)
"""
# Nobody has to wait for anything: no job is about to start, and the one with SQL has begun.
SETTLED = """
    select not exists (
        select 1 from tailrace.jobs where status in ('CREATED', 'RESTARTING', 'SUSPENDED'))
        and not exists (select 1 from tailrace.job where kind = 'sql' and wants_snapshot)
"""
# An error, and the line that it points into; the services of this process speak there as well.
COMPLAINT = r"^error: .*\n?(?:.*\n *\^\n?)?"
_HOLES = {
    "<id>": "[0-9a-f]{32}",
    "<path>": r"\S*/savepoint-[0-9a-f]+-[0-9a-f]{12}",
    "<time>": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.0-9]*\+00:00",
    "<…>": ".*",
}


def cells(line: str) -> list[str]:
    """The cells of a line, so that widths do not matter; a rule between lines has none."""
    return [] if re.match(r"-+(\+|$)|-\[", line.strip()) else [c.strip() for c in line.split("|")]


def pattern(cell: str) -> str:
    text = re.escape(cell)
    for hole, meaning in _HOLES.items():
        text = text.replace(re.escape(hole), meaning)
    return text


def same(line: str, wanted: str) -> bool:
    found, patterns = cells(line), [pattern(cell) for cell in cells(wanted)]
    return len(found) == len(patterns) and all(map(re.fullmatch, patterns, found))


def fits(printed: list[str], expected: list[str]) -> bool:
    """Whether it is what was expected; a line with nothing but ``<…>`` stands for any lines."""
    if not expected:
        return not printed
    if expected[0].strip() == "<…>":
        return any(fits(printed[skip:], expected[1:]) for skip in range(len(printed) + 1))
    return bool(printed) and same(printed[0], expected[0]) and fits(printed[1:], expected[1:])


async def orders_on(*nodes: TestNode) -> None:
    for node in nodes:
        await node.db.execute(TABLES)
        await node.db.fetch_one("select * from tailrace.add_table(%s, 'public.orders')", QUEUE)


async def test_statements_print_what_the_page_shows(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await orders_on(root, leaf)
    await leaf.set_live()
    await root.db.execute(
        "insert into public.orders values"
        " (1, '2026-01-01', 10), (2, '2026-01-01', 20), (3, '2026-01-02', 30)"
    )
    monkeypatch.setenv("TAILRACE_SAVEPOINTS_DIR", str(tmp_path / "savepoints"))
    path = ""
    async with running(root, leaf):
        for statements, expected in steps(SCRIPT):
            for node in (root, leaf):
                await eventually(partial(node.db.fetch_value, SETTLED), 20)
            words = ("sql", "-c", statements.replace("<path>", path), "--db", root.dsn)
            result = await tailrace(*words, status=None)
            complaint = re.search(COMPLAINT, result.err, re.MULTILINE)
            printed = (result.out + (complaint[0] if complaint else "")).splitlines()
            assert fits(printed, expected), (statements, "\n".join(printed), result.err)
            if made := re.search(r"\S*/savepoint-\S*", result.out):
                path = made[0] if "DROP" not in statements else path


def blocks() -> list[str]:
    """The examples of the page."""
    return re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_every_example_of_the_page_is_in_the_script():
    known = {
        f"{statements}\n" + "".join(f"{line}\n" for line in out)
        for statements, out in steps(SCRIPT)
    }
    for block in blocks():
        assert block in known, block


def test_every_statement_has_an_example():
    shown = "\n".join(blocks())
    for entry in ENTRIES:
        words = re.split(r" \[| '| <", entry.syntax)[0].strip("[]")
        assert re.search(rf"^{words}\b", shown, re.MULTILINE), entry.syntax
