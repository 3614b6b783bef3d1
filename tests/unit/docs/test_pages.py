"""What the pages say of the source is true: every path they name exists, every setting is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tailrace.config import SETTINGS
from tailrace.errors import OWN_STATES

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_PATH = re.compile(r"`((?:src|tests|docs|benchmarks)/[\w./-]+|tailrace\.[\w.]+\.sql)`")
_LINK = re.compile(r"\]\(([^)#:]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_and_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    functions = {path.name for path in ROOT.glob("src/tailrace/sql/*/functions/*.sql")}
    for name in _PATH.findall(text):
        assert (ROOT / name).exists() or name in functions, f"{page.name} names {name}"
    for link in _LINK.findall(text):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_architecture_names_every_module_of_the_data_path() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for folder in ("replication", "cascade", "queue"):
        named = set(re.findall(rf"src/tailrace/{folder}/(\w+)\.py", text))
        assert named, folder


def test_every_setting_has_its_line() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    for setting in SETTINGS:
        row = [line for line in text.splitlines() if line.startswith(f"| `{setting.toml}` |")]
        assert len(row) == 1, setting.toml
        assert f"`{setting.variable}`" in row[0]
        assert setting.purpose in row[0]
        assert setting.ini is None or f"`{setting.ini}`" in row[0]


def test_every_sqlstate_of_ours_is_explained() -> None:
    text = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    used = {
        state
        for path in ROOT.glob("src/tailrace/sql/**/*.sql")
        for state in re.findall(r"'(TR\d{3})'", path.read_text(encoding="utf-8"))
    }
    assert used >= set(OWN_STATES) - {"TR050"}
    for state in (used | set(OWN_STATES)) - {"TR000"}:  # raised and caught in one function
        assert f"`{state}`" in text, state
