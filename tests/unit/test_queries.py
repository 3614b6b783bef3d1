"""Named queries are found by name, and mistakes in their files are errors."""

import re
from importlib.resources import files

import pytest

from tailrace.db import queries
from tailrace.db.schema import SCHEMAS

TEXT = """-- What this file is: not a query, no name in front of the colon.

-- first: the purpose of the first
-- note: a comment below, not a header
select 1
where true;

-- second: another
select %(x)s
"""


def test_query_has_name_purpose_and_plain_sql():
    query = queries.parse(TEXT).first
    assert query.sql == "select 1\nwhere true"
    assert query.purpose == "the purpose of the first"


def test_unknown_name_lists_the_known():
    with pytest.raises(AttributeError, match='no query "third"; it has: first, second'):
        _ = queries.parse(TEXT).third


def test_name_that_stands_twice_is_an_error():
    with pytest.raises(ValueError, match="stands there twice"):
        queries.parse(TEXT + "\n-- first: again\nselect 2")


def test_query_without_statement_is_an_error():
    with pytest.raises(ValueError, match="is empty"):
        queries.parse("-- first: nothing\n\n-- second: x\nselect 1")


@pytest.mark.parametrize("schema", [None, *SCHEMAS])
def test_every_query_of_the_package_has_a_purpose(schema):
    if schema and not files("tailrace.sql").joinpath(f"{schema}/queries.sql").is_file():
        return  # a schema that is only called from SQL
    for query in queries.load(schema):
        assert query.purpose, query.name


def test_python_asks_only_for_queries_that_exist():
    source = files("tailrace")
    asked = re.compile(r"\bqueries\.([a-z][a-z0-9_]*)\b")
    loads = re.compile(r"^queries = load\((?:\"(\w+)\")?\)", re.MULTILINE)
    checked = 0
    for path in sorted(source.rglob("*.py")):  # type: ignore[attr-defined]
        text = path.read_text()
        loaded = loads.search(text)
        if loaded:
            known = queries.load(loaded[1])
            for name in asked.findall(text):
                if name not in ("load", "parse"):
                    assert getattr(known, name), path
                    checked += 1
    assert checked > 5
