"""The wire format as docs/reference/wire-format.md fixes it; nodes of other versions rely on it."""

from __future__ import annotations

import json

from fixtures.captured import Capture


async def test_fields_of_row_and_control_events(capture: Capture) -> None:
    await capture.db.execute('create schema s; create table s."T 1" (k int primary key, v text)')
    await capture.add("s.T 1")
    for statement in (
        """insert into s."T 1" values (1, 'abc'), (2, 'with "quotes"'), (3, null), (4, '')""",
        """update s."T 1" set v = E'back\\\\slash\nline' where k = 1""",
        """delete from s."T 1" where k > 2""",
        """truncate s."T 1" """,
    ):
        await capture.db.execute(statement)
    await capture.db.fetch_all("select * from tailrace.remove_table('flow', 's.T 1')")

    rows = await capture.db.fetch_all(
        "select ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4 from pgq.event_1"
        " where ev_type not like 'pgq.%' order by ev_id"
    )
    relation = rows[0].ev_extra3
    assert [tuple(row) for row in rows[1:]] == [
        ("tailrace.add-table", '{"table" : "s.T 1"}', "s.T 1", None, None, None),
        (
            "row:I",
            '(1,abc)"\n(2,"with ""quotes""")"\n(3,)"\n(4,"")',
            "s.T 1",
            "4",
            relation,
            None,
        ),
        ("row:U", '(1,"back\\\\slash\nline")', "s.T 1", None, relation, None),
        ("row:D", '(3)"\n(4)', "s.T 1", "2", relation, None),
        ("row:T", None, "s.T 1", None, relation, None),
        ("tailrace.remove-table", '{"table" : "s.T 1"}', "s.T 1", None, None, None),
    ]
    assert rows[0].ev_type == "tailrace.relation"
    assert rows[0].ev_extra1 == "s.T 1"
    assert json.loads(rows[0].ev_data) == {
        "id": relation,
        "table": "s.T 1",
        "columns": [["k", "integer"], ["v", "text"]],
        "key": ["k"],
        "old_images": False,
    }


async def test_descriptor_id_depends_on_the_content_alone(capture: Capture) -> None:
    await capture.db.execute("create table public.t (k int primary key, v numeric(8,2))")
    await capture.add("t")
    found = await capture.db.fetch_value("select relation_id from tailrace.relation")
    assert found == "cef4067909d7cad5", (
        "another id for the same content splits nodes of two versions"
    )
