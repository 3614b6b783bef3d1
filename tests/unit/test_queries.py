"""Named queries are found by name, and mistakes in their files are errors."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

import tailrace
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
        _ = queries.parse("-- first: nothing\n\n-- second: x\nselect 1").first


@pytest.mark.parametrize("schema", [None, *SCHEMAS])
def test_every_query_of_the_package_has_a_purpose(schema):
    if schema and not files("tailrace.sql").joinpath(f"{schema}/queries.sql").is_file():
        return  # a schema that is only called from SQL
    for query in queries.load(schema):
        assert query.purpose, query.name


def test_python_asks_only_for_queries_that_exist():
    loads = re.compile(r"^(\w*queries) = load\((?:\"(\w+)\")?\)", re.MULTILINE)
    missing, checked = [], 0
    for path in sorted(Path(tailrace.__file__).parent.rglob("*.py")):
        text = path.read_text()
        for variable, schema in loads.findall(text):
            known = {query.name for query in queries.load(schema or None)}
            asked = re.findall(rf"(?<![\w.]){variable}\.([a-z]\w*)", text)
            missing += [f"{path.name}: {variable}.{name}" for name in asked if name not in known]
            checked += len(asked)
    assert missing == []
    assert checked > 20
