"""Capture while the table itself changes, and where capture is not allowed."""

from __future__ import annotations

import pytest

from fixtures.captured import Capture
from fixtures.databases import Connect, NewDatabase
from tailrace.errors import DatabaseError, NotFound, TailraceError, Unsupported, WrongState


async def _table(capture: Capture) -> None:
    await capture.db.execute("create table public.t (id int primary key, a text, b numeric)")
    await capture.add("t")
    await capture.db.execute("insert into public.t values (1, 'x', 1.50)")


async def _shapes(capture: Capture) -> list[tuple[str, list[str]]]:
    """Row events with the columns that their descriptor names."""
    relations = {}
    for event in await capture.events():
        if event.type == "tailrace.relation":
            await capture.db.fetch_all("select tailrace.store_relation(%s)", event.rows[0])
    for row in await capture.db.fetch_all("select * from tailrace.relation"):
        relations[row.relation_id] = list(row.column_names)
    return [
        (row, relations[event.relation_id or ""])
        for event in await capture.events()
        if event.type in ("row:I", "row:U")
        for row in event.rows
    ]


@pytest.mark.parametrize("refreshed", [False, True])
async def test_row_events_name_the_shape_they_were_written_in(
    capture: Capture, refreshed: bool
) -> None:
    await _table(capture)
    for number, ddl in enumerate(
        (
            "alter table public.t add column c int default 7",
            "alter table public.t drop column a",
            "alter table public.t rename column b to price",
            "alter table public.t alter column price type text",
        ),
        start=2,
    ):
        await capture.db.execute(ddl)
        if refreshed:
            await capture.db.fetch_all("select tailrace.refresh_capture('flow')")
        await capture.db.execute(f"insert into public.t (id) values ({number})")
    assert await _shapes(capture) == [
        ("(1,x,1.50)", ["id", "a", "b"]),
        ("(2,,,7)", ["id", "a", "b", "c"]),
        ("(3,,7)", ["id", "b", "c"]),
        ("(4,,7)", ["id", "price", "c"]),
        ("(5,,7)", ["id", "price", "c"]),
    ]


async def test_a_root_that_takes_no_events_is_left_as_it_is(capture: Capture) -> None:
    """It is giving its role away: what maintenance would send, it must not send any more."""
    await _table(capture)
    await capture.db.execute("alter table public.t add column c int default 7")
    refresh = "select tailrace.refresh_capture('flow')"
    for disabled, changed in ((True, 0), (False, 1)):
        await capture.db.execute("update pgq.queue set queue_disable_insert = %s", disabled)
        assert await capture.db.fetch_value(refresh) == changed


async def test_descriptor_comes_before_the_first_row_that_uses_it(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute("alter table public.t add column c int")
    await capture.db.execute("begin; insert into public.t values (2); rollback")
    await capture.db.execute(
        "begin; savepoint s; insert into public.t values (3); rollback to s;"
        " insert into public.t values (4); insert into public.t values (5); commit"
    )
    seen: set[str] = set()
    sent = 0
    for event in await capture.events():
        if event.type == "tailrace.relation":
            seen.add(event.relation_id or "")
            sent += 1
        elif event.type.startswith("row:"):
            assert event.relation_id in seen
    assert sent == 2, "one for the table, one for the altered table"


async def test_transaction_older_than_an_alter_is_told_to_try_again(
    capture: Capture, connect: Connect
) -> None:
    await _table(capture)
    other = await connect(capture.db)
    with pytest.raises(DatabaseError) as caught:
        async with other.transaction("repeatable read"):
            await other.fetch_value("select 1")
            await capture.db.execute("alter table public.t add column c int")
            await other.execute("insert into public.t values (2, 'y', 2, 3)")
    assert caught.value.sqlstate == "40001"
    async with other.transaction("repeatable read"):
        await other.execute("insert into public.t values (2, 'y', 2, 3)")
    assert (await _shapes(capture))[-1] == ("(2,y,2,3)", ["id", "a", "b", "c"])


async def test_session_that_planned_before_an_alter_writes_the_new_shape(
    capture: Capture, connect: Connect
) -> None:
    await _table(capture)
    other = await connect(capture.db)
    await other.execute("insert into public.t values (2, 'y', 2)")
    await capture.db.execute("alter table public.t drop column a, add column z int default 5")
    await other.execute("insert into public.t (id) values (3)")
    await capture.db.fetch_all("select tailrace.refresh_capture('flow')")
    await other.execute("insert into public.t (id) values (4)")
    assert [row for row, _ in await _shapes(capture)][2:] == ["(3,,5)", "(4,,5)"]


async def test_key_that_is_lost_stops_writers_with_the_reason(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute("alter table public.t drop constraint t_pkey, add column q int")
    with pytest.raises(Unsupported, match=r'"public\.t" has no primary key any more'):
        await capture.db.execute("insert into public.t values (2)")


async def test_removed_table_is_left_as_it_was_found(capture: Capture) -> None:
    await _table(capture)
    row = await capture.db.fetch_all("select * from tailrace.remove_table('flow', 't')")
    assert row[0].ret_code == 200
    await capture.db.execute("insert into public.t values (2, 'free', 2)")
    left = await capture.db.fetch_one(
        "select (select count(*) from pg_trigger where tgrelid = 'public.t'::regclass) as triggers,"
        " (select count(*) from pg_proc"
        "   where pronamespace = 'tailrace_capture'::regnamespace) as functions"
    )
    assert left == (0, 0)
    assert (await capture.events())[-1].type == "tailrace.remove-table"
    again = await capture.db.fetch_all("select * from tailrace.remove_table('flow', 't')")
    assert again[0].ret_code == 404


async def test_adding_twice_changes_nothing(capture: Capture) -> None:
    await _table(capture)
    before = len(await capture.events())
    assert await capture.add("public.t") == 201
    assert len(await capture.events()) == before


@pytest.mark.parametrize(
    ("definition", "kind", "message"),
    [
        ("create table public.t (id int)", Unsupported, "has no primary key"),
        ("create table public.t (id int primary key deferrable)", Unsupported, "deferrable"),
        ("create view public.t as select 1 as id", Unsupported, "is not a table"),
        ("create unlogged table public.t (id int primary key)", Unsupported, "unlogged"),
        ("select", NotFound, 'table "public.t" does not exist in database'),
    ],
)
async def test_table_that_cannot_be_replicated_is_refused_whole(
    capture: Capture, definition: str, kind: type[TailraceError], message: str
) -> None:
    await capture.db.execute(definition)
    before = len(await capture.events())
    with pytest.raises(kind, match=message):
        await capture.add("t")
    assert len(await capture.events()) == before
    assert await capture.db.fetch_value("select count(*) from tailrace.table_info") == 0


async def test_role_local_leaves_a_note_and_no_row(capture: Capture) -> None:
    await _table(capture)
    before = len(await capture.events())
    await capture.db.execute(
        "begin; set local session_replication_role = local;"
        " update public.t set a = 'script'; commit"
    )
    added = (await capture.events())[before:]
    assert [event.type for event in added] == ["tailrace.untracked"]
    assert added[0].table == "public.t"


async def test_branch_refuses_writers_and_captures_after_promotion(
    new_database: NewDatabase,
) -> None:
    capture = Capture(await new_database(), "flow")
    for node in ("node1", "node2"):
        await capture.db.fetch_all(
            "select pgq_node.register_location('flow', %s, 'dbname=x', false)", node
        )
    await capture.db.fetch_all(
        "select pgq_node.create_node('flow', 'branch', 'node2', 'node2_worker', 'node1', 1, null)"
    )
    await capture.db.execute("create table public.t (id int primary key, a text, b numeric)")
    await capture.add("t")
    with pytest.raises(WrongState, match=r'table "public\.t" cannot be written here'):
        await capture.db.execute("insert into public.t values (1)")
    await capture.db.execute("update tailrace.table_info set state = 'live'")
    await capture.db.fetch_all("select pgq_node.promote_branch('flow')")
    await capture.db.execute("insert into public.t values (1, 'x', 2)")
    await capture.db.fetch_all("select tailrace.refresh_capture('flow')")
    await capture.db.execute("insert into public.t values (2, 'y', 3)")
    types = [event.type for event in await capture.events()]
    assert types.index("tailrace.relation") < types.index("row:I")
    assert await capture.replay("public.t") == {"(1,x,2)", "(2,y,3)"}


async def test_leaf_denies_writers_but_not_replication(
    new_database: NewDatabase, connect: Connect
) -> None:
    db = await new_database()
    for node in ("node1", "node2"):
        await db.fetch_all("select pgq_node.register_location('flow', %s, 'dbname=x', false)", node)
    await db.fetch_all(
        "select pgq_node.create_node('flow', 'leaf', 'node2', 'node2_worker', 'node1', 1, null)"
    )
    await db.execute("create table public.t (id int primary key)")
    await db.fetch_all("select * from tailrace.add_table('flow', 't')")
    for statement in ("insert into public.t values (1)", "truncate public.t"):
        with pytest.raises(WrongState, match="replicated into this leaf"):
            await db.execute(statement)
    replica = await connect(db, replica=True)
    assert await replica.execute("insert into public.t values (1)") == 1


@pytest.mark.parametrize(
    "statement", ["insert into public.t values (2, 'late', 2)", "truncate public.t"]
)
async def test_transaction_older_than_a_rotation_is_told_to_try_again(
    capture: Capture, connect: Connect, statement: str
) -> None:
    await _table(capture)
    other = await connect(capture.db)
    with pytest.raises(DatabaseError) as caught:
        async with other.transaction("repeatable read"):
            await other.fetch_value("select 1")
            await capture.db.execute(
                "update pgq.queue set queue_cur_table = (queue_cur_table + 1) % queue_ntables"
            )
            await other.execute(statement)
    assert caught.value.sqlstate == "40001"
    async with other.transaction("repeatable read"):
        await other.execute(statement)
    assert (await capture.replay("public.t")) == await capture.present("public.t", "id, a, b")


async def test_writer_without_rights_on_our_schemas_is_captured(
    capture: Capture, connect: Connect
) -> None:
    await _table(capture)
    role = f"clerk_{capture.db.dbname}"
    await capture.db.execute(
        f'create role "{role}";'
        f' grant select, insert, update, delete, truncate on public.t to "{role}"'
    )
    clerk = await connect(capture.db)
    await clerk.execute(f'set role "{role}"')
    try:
        for statement in (
            "insert into public.t values (2, 'y', 2), (3, 'z', 3)",
            "insert into public.t values (2, 'w', 2) on conflict (id) do update set a = 'w'",
            "update public.t set id = 4 where id = 3",
            "delete from public.t where id = 1",
        ):
            await clerk.execute(statement)
        await capture.db.execute("alter table public.t add column more int")
        await clerk.execute("insert into public.t values (9, 'm', 9, 9)")
        await clerk.execute("truncate public.t")
        with pytest.raises(DatabaseError, match="permission denied"):
            await clerk.fetch_all("select * from tailrace.table_info")
    finally:
        await clerk.close()
        await capture.db.execute(f'drop owned by "{role}"; drop role "{role}"')
    assert [letter for letter, _ in await capture.rows("public.t")][-4:] == ["I", "D", "I", "T"]


async def test_cast_that_the_owner_made_does_not_run_in_capture(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute(
        "create function public.show(public.t) returns text language sql as $$ select 'mine' $$;"
        " create cast (public.t as text) with function public.show(public.t) as implicit"
    )
    await capture.db.execute("insert into public.t values (2, 'y', 2)")
    assert (await capture.rows("public.t"))[-1] == ("I", "(2,y,2)")
