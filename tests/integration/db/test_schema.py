"""Installing: once, again, upgrading, refusing, removing; all or nothing."""

from importlib.resources import files

import pytest

from tailrace import __version__
from tailrace.db import schema
from tailrace.db.connection import Database
from tailrace.errors import DatabaseError, SchemaMissing, WrongState
from tailrace.service import together

# Everything that makes up an installation: tables with columns, functions with bodies, rights.
CONTENT = """
select 'column' as kind, format('%I.%I.%I', n.nspname, c.relname, a.attname) as name,
    format('%s %s', format_type(a.atttypid, a.atttypmod), a.attnotnull) as value
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname ~ '^(pgq|tailrace)' and a.attnum > 0 and not a.attisdropped
union all
select 'constraint', format('%s.%s', conrelid::regclass, conname), pg_get_constraintdef(oid)
from pg_constraint where connamespace::regnamespace::text ~ '^(pgq|tailrace)'
union all
select 'function', p.oid::regprocedure::text,
    md5(p.prosrc) || ' ' || p.prosecdef
        || array(select unnest(p.proacl)::text order by 1)::text
from pg_proc as p
where p.pronamespace::regnamespace::text ~ '^(pgq|tailrace)'
union all
select 'rights', c.oid::regclass::text, array(select unnest(c.relacl)::text order by 1)::text
from pg_class as c
where c.relnamespace::regnamespace::text ~ '^(pgq|tailrace)'
order by 1, 2
"""


async def content(db: Database) -> list[object]:
    return [tuple(row) for row in await db.fetch_all(CONTENT)]


def actions(report: schema.Report) -> dict[str, str]:
    return {one.schema: one.action for one in report.outcomes}


async def test_fresh_install_reports_each_schema(empty_database):
    report = await schema.install(empty_database)
    assert actions(report) == dict.fromkeys(schema.SCHEMAS, "installed")
    assert report.changed
    assert {one.version for one in report.outcomes} == {__version__}
    await schema.require(empty_database)


async def test_installing_again_changes_nothing(database):
    before = await content(database)
    report = await schema.install(database)
    assert actions(report) == dict.fromkeys(schema.SCHEMAS, "current")
    assert not report.changed
    assert await content(database) == before


async def test_upgrade_makes_functions_anew_and_keeps_the_data(database):
    before = await content(database)
    await database.execute("select pgq.create_queue('orders')")
    await database.execute(
        "create or replace function pgq.version() returns text language sql as 'select ''old'''"
    )
    await database.execute("update tailrace.installation set digest = 'of another version'")
    with pytest.raises(SchemaMissing, match=r"differs .* tailrace install"):
        await schema.require(database)
    report = await schema.install(database)
    assert actions(report) == dict.fromkeys(schema.SCHEMAS, "upgraded")
    assert await database.fetch_value("select queue_name from pgq.queue") == "orders"
    await database.execute("select pgq.drop_queue('orders')")
    assert await content(database) == before


async def test_upgrade_replaces_functions_of_other_results_and_drops_old_overloads(database):
    before = await content(database)
    await database.execute("drop function tailrace.refresh_consumer(text, text, boolean)")
    await database.execute(
        "create function tailrace.refresh_consumer(i_queue text, i_consumer text,"
        " i_healthy boolean, out node_type text) language sql as 'select null::text'"
    )
    await database.execute(
        "create function tailrace.take_over(text) returns text language sql as 'select $1'"
    )
    await database.execute("create function pgq.mine() returns text language sql as 'select $$x$$'")
    await database.execute("update tailrace.installation set digest = 'of another version'")
    await schema.install(database)
    assert await database.fetch_value("select pgq.mine()") == "x"  # not one of our names
    await database.execute("drop function pgq.mine()")
    assert await content(database) == before


async def test_migrations_run_once_and_a_fresh_install_needs_none(
    empty_database, new_database, monkeypatch
):
    def migration(number: int, kind: str, text: str) -> schema.Migration:
        script = schema.Script(f"migrations/{number:04}_{kind}_test.sql", text)
        return schema.Migration(number, kind, "test", "pgq", script)

    old = await new_database()
    step = "create table public.ran (step text); insert into public.ran values ('pre')"
    made = [
        migration(9001, "pre", step),
        migration(9001, "post", "insert into public.ran values ('post')"),
    ]
    monkeypatch.setattr(schema, "migrations", lambda: made)
    report = await schema.install(old, hold_post=True)
    assert report.migrations == ["9001_pre_test.sql"]
    report = await schema.install(old)
    assert report.migrations == ["9001_post_test.sql"]
    assert (await schema.install(old)).migrations == []
    assert [row.step for row in await old.fetch_all("select step from public.ran")] == [
        "pre",
        "post",
    ]
    assert (await schema.install(empty_database)).migrations == []
    recorded = await empty_database.fetch_all(
        "select number, kind from tailrace.migration where number = 9001 order by kind desc"
    )
    assert [tuple(row) for row in recorded] == [(9001, "pre"), (9001, "post")]


async def test_failure_anywhere_leaves_nothing_and_names_the_file(empty_database, monkeypatch):
    real = schema.scripts_of

    def broken(name: str, *, beside: bool) -> list[schema.Script]:
        bad = schema.Script("tailrace/bad.sql", "select 1;\nselect nonsense;")
        files = real(name, beside=beside)
        return [*files, bad] if name == "tailrace" else files

    monkeypatch.setattr(schema, "scripts_of", broken)
    with pytest.raises(DatabaseError, match=r"sql/tailrace/bad\.sql:2: .*nonsense"):
        await schema.install(empty_database)
    assert await content(empty_database) == []


async def test_several_installs_at_once_do_it_once(empty_database, connect):
    sessions = [await connect(empty_database) for _ in range(3)]
    reports = await together(*(schema.install(one) for one in sessions))
    done = sorted(actions(report)["pgq"] for report in reports)
    assert done == ["current", "current", "installed"]


async def test_installs_in_several_databases_at_once_share_the_roles(new_database):
    databases = [await new_database(installed=False) for _ in range(3)]
    reports = await together(*(schema.install(one) for one in databases))
    assert [actions(report)["pgq"] for report in reports] == ["installed"] * 3


async def test_schema_that_somebody_else_made_is_left_alone(empty_database):
    await empty_database.execute("create schema pgq; create table pgq.theirs (n integer)")
    with pytest.raises(WrongState, match=r'schema "pgq" .* was not installed by tailrace'):
        await schema.install(empty_database)
    assert await empty_database.fetch_value("select to_regnamespace('tailrace')") is None


async def test_database_without_schemas_is_told_what_to_do(empty_database):
    with pytest.raises(SchemaMissing, match=r"does not hold .*; install them with: tailrace"):
        await schema.require(empty_database)


async def test_uninstall_leaves_nothing_of_ours_and_install_works_again(database):
    await database.execute("create table public.mine (n integer)")
    report = await schema.uninstall(database)
    assert set(actions(report).values()) == {"removed"}
    assert await content(database) == []
    assert await database.fetch_value("select to_regclass('public.mine') is not null")
    assert not (await schema.uninstall(database)).changed
    assert (await schema.install(database)).changed


async def test_role_that_is_no_superuser_can_install_and_is_told_what_it_lacks(
    empty_database, connect, server
):
    server.admin("create role owner_only login")
    try:
        server.admin(f'grant create on database "{empty_database.dbname}" to owner_only')
        db = await connect(f"{empty_database.dsn}&options=-c%20role%3Downer_only")
        assert await db.fetch_value("select current_user") == "owner_only"
        report = await schema.install(db)
        assert set(actions(report).values()) == {"installed"}
        assert any("session_replication_role" in warning for warning in report.warnings)
        await db.fetch_value("select pgq.create_queue('orders')")
        await schema.uninstall(db)
    finally:
        await empty_database.execute("drop owned by owner_only cascade")
        server.admin("drop role owner_only")


async def test_every_table_and_column_of_ours_has_a_comment(database):
    bare = await database.fetch_all("""
        select format('%s %s', c.oid::regclass, a.attname) as name
        from pg_class as c
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace::regnamespace::text ~ '^(pgq|tailrace)' and c.relkind in ('r', 'p')
          and (obj_description(c.oid, 'pg_class') is null
               or col_description(c.oid, a.attnum) is null)
    """)
    assert [row.name for row in bare] == []


async def test_every_function_file_holds_what_its_name_says():
    for name in schema.SCHEMAS:
        for script in schema.scripts(name):
            folder, _, file = script.path.rpartition("/")
            if folder.endswith("/functions"):
                function = file.removesuffix(".sql")
                assert f"{function}(" in script.text.replace(" (", "("), script.path
                header = [line for line in script.text.splitlines() if line.startswith("--")]
                assert len(header) >= 4, f"{script.path}: has no header"


async def test_every_file_of_a_schema_is_in_its_table_of_contents():
    root = files("tailrace.sql")
    for name in schema.SCHEMAS:
        listed = {script.path for script in schema.scripts(name)}
        there = {
            f"{name}/functions/{entry.name}"
            for entry in root.joinpath(f"{name}/functions").iterdir()
            if entry.name.endswith(".sql")
        }
        assert there - listed == set()


class TestBesideTheRealExtension:
    async def test_install_refuses_and_changes_nothing(self, peer_database):
        db = await peer_database(["pgq"])
        before = await content(db)
        with pytest.raises(WrongState, match=r'extension "pgq".*--use-extension'):
            await schema.install(db)
        assert await content(db) == before

    async def test_use_extension_puts_only_the_rest_beside_it(self, peer_database):
        db = await peer_database(["pgq", "pgq_node"])
        report = await schema.install(db, use_extension=True)
        assert actions(report) == {
            "pgq": "left alone",
            "pgq_coop": "installed",
            "pgq_node": "left alone",
            "tailrace": "installed",
        }
        assert actions(await schema.install(db, use_extension=True))["tailrace"] == "current"
        report = await schema.uninstall(db)
        assert actions(report)["tailrace"] == "removed"
        assert await db.fetch_value("select count(*) from pg_extension where extname ~ 'pgq'") == 2

    async def test_use_extension_adds_the_cascade_where_it_is_missing(self, peer_database):
        db = await peer_database(["pgq"])
        report = await schema.install(db, use_extension=True)
        assert actions(report)["pgq_node"] == "installed"
