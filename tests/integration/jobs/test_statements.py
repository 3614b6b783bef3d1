"""Statements through ``tailrace sql`` and the verbs: results, errors, exit status."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator

import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.command import Result, Tailrace
from fixtures.waiting import eventually

FIRST_FIVE = ["job id", "job name", "status", "start time", "end time"]
EXTENDED = [
    *FIRST_FIVE, "engine", "kind", "node", "lag", "position", "duration", "statement", "error",
]  # fmt: skip


class Sql:
    """``tailrace sql -c`` on one node."""

    def __init__(self, tailrace: Tailrace, node: TestNode) -> None:
        self._tailrace = tailrace
        self._dsn = node.dsn

    async def __call__(
        self, *texts: str, options: tuple[str, ...] = (), status: int | None = 0
    ) -> Result:
        words = [word for text in texts for word in ("-c", text)]
        return await self._tailrace("sql", *words, *options, "--db", self._dsn, status=status)

    async def rows(self, text: str) -> list[dict[str, object]]:
        found = (await self(text, options=("--format", "json"))).json
        assert isinstance(found, list)
        return found

    async def fails(self, text: str) -> str:
        result = await self(text, status=1)
        assert result.out == ""
        return result.err.strip()


@pytest_asyncio.fixture
async def tree(cascade: Cascade) -> AsyncIterator[dict[str, TestNode]]:
    """A root, a branch with a table, a leaf below it; all served."""
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    for node in (root, branch, leaf):
        await node.add_table()
    async with running(root, branch, leaf):
        live = "select state = 'live' from tailrace.table_info"
        await eventually(lambda: leaf.db.fetch_value(live), 30)
        await eventually(lambda: branch.db.fetch_value(live), 30)
        runs = "select bool_and(status = 'RUNNING') from tailrace.jobs"
        for node in (root, branch, leaf):
            await eventually(lambda node=node: node.db.fetch_value(runs), 20)
        yield {"root": root, "branch": branch, "leaf": leaf}


ALL = {"node1_worker", "node2_worker", "node2.apply", "node3_worker"}


async def test_jobs_of_the_whole_cascade(tree: dict[str, TestNode], tailrace: Tailrace):
    for node in tree.values():
        rows = await Sql(tailrace, node).rows("SHOW JOBS")
        assert {row["job name"] for row in rows} == ALL
        assert list(rows[0]) == FIRST_FIVE
        assert {row["status"] for row in rows} == {"RUNNING"}
        assert rows == sorted(rows, key=lambda row: str(row["start time"]), reverse=True)
    sql = Sql(tailrace, tree["root"])
    rows = await sql.rows("show queries extended;")
    assert list(rows[0]) == EXTENDED
    by_name = {row["job name"]: row for row in rows}
    assert by_name["node2.apply"]["kind"] == "apply"
    assert by_name["node3_worker"]["node"] == "node3"
    assert all(row["lag"] is not None for row in rows), rows  # a leaf's, too
    (one,) = await sql.rows("DESCRIBE JOB 'node3_worker'")
    assert (one["queue"], one["provider"], one["wanted"]) == (QUEUE, "node2", "running")

    # stopped and started from another node, by name, id and the beginning of the id
    job = str(by_name["node3_worker"]["job id"])
    await tree["root"].db.execute(
        "insert into public.t select i, 'x' from generate_series(1, 99) i"
    )
    assert "OK" in (await sql(f"STOP JOB '{job[:8]}' WITH DRAIN")).out
    assert len(await tree["leaf"].rows()) == 99
    (one,) = await sql.rows("DESC JOB 'node3_worker'")
    assert (one["status"], one["end time"] is None) == ("FINISHED", False)
    complaint = await sql.fails("STOP JOB 'node3_worker'")
    assert complaint.endswith("start it again with: START JOB 'node3_worker'")
    assert job in (await sql(f"START JOB '{job}'")).out
    assert "START needs one that has ended" in await sql.fails(f"START JOB '{job}'")
    assert "drop-node node3" in await sql.fails("DROP JOB 'node3_worker'")

    # the mirror and the applying consumer are two jobs
    await sql("STOP JOB 'node2.apply'")
    rows = await sql.rows("SHOW JOBS")
    assert {row["job name"] for row in rows if row["status"] == "CANCELED"} == {"node2.apply"}
    await sql("START JOB 'node2.apply'")

    # the verbs do the same
    at = ("--db", tree["branch"].dsn)
    assert "has stopped" in (await tailrace("stop-job", "node3_worker", "--drain", *at)).err
    found = (await tailrace("jobs", "--format", "json", *at)).json
    assert {row["job name"]: row["status"] for row in found}["node3_worker"] == "FINISHED"
    assert "goes on" in (await tailrace("start-job", "node3_worker", *at)).err
    complaint = (await tailrace("stop-job", "nobody", *at, status=1)).complaint
    assert complaint == 'tailrace: there is no job "nobody"; list them with: SHOW JOBS'

    nodes = {row["node"]: row for row in await sql.rows(f"SHOW NODES FOR QUEUE '{QUEUE}'")}
    assert {name: row["type"] for name, row in nodes.items()} == {
        "node1": "root", "node2": "branch", "node3": "leaf",
    }  # fmt: skip
    assert nodes["node3"]["provider"] == "node2"
    assert nodes["node1"]["held by"]
    (queue,) = await sql.rows("SHOW QUEUES")
    assert (queue["queue"], queue["node"], queue["type"]) == (QUEUE, "node1", "root")
    consumers = {row["consumer"] for row in await sql.rows("SHOW CONSUMERS")}
    assert "node2_worker" in consumers


async def test_error_of_our_own_queries_points_at_no_place_in_the_statement(
    cascade: Cascade, tailrace: Tailrace
):
    empty = await cascade.new_database(installed=False)
    at = ("--db", empty.dsn)
    ours = (await tailrace("sql", "-c", "SHOW JOBS", *at, status=1)).complaint
    assert ours.endswith("install or upgrade the schemas with: tailrace install --db DSN")
    theirs = (await tailrace("sql", "-c", "SELECT wrong", *at, status=1)).err.splitlines()
    assert theirs[1:] == ["SELECT wrong", "       ^"]


async def test_unreachable_members_are_named_and_hold_up_nobody(
    cascade: Cascade, tailrace: Tailrace, proxy
):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    wall = await proxy(leaf.dsn)
    await root.db.execute(
        "update pgq_node.node_location set node_location = %s where node_name = 'node2'", wall.dsn
    )
    wall.deafen()
    sql = Sql(tailrace, root)
    result = await sql("SET 'tailrace.deadline' = '300ms'; SHOW JOBS", options=("--format", "csv"))
    assert 'warning: not asked for its jobs: node "node2": no answer within 0.3 s' in result.err
    assert "node1_worker" in result.out
    result = await sql("SET 'tailrace.deadline' = '300ms'", "STOP JOB 'node2_worker'", status=1)
    complaint = result.err
    assert 'there is no job "node2_worker"; not all could be asked: node "node2"' in complaint


async def test_connected_database_wins_and_other_ambiguity_lists_the_ids(
    cascade: Cascade, tailrace: Tailrace
):
    root = await cascade.root()
    leaves = [await cascade.leaf(name, root) for name in ("node2", "node3")]
    for node in leaves:
        await node.db.execute("update tailrace.job set job_name = 'twin'")
    complaint = await Sql(tailrace, root).fails("STOP JOB 'twin'")
    assert complaint.startswith('error: "twin" may mean 2 jobs: ')
    assert "(node node2)" in complaint
    assert "(node node3)" in complaint
    await Sql(tailrace, leaves[0])("STOP JOB 'twin'")  # nobody runs it
    status = "select status from tailrace.jobs"
    assert [await one.db.fetch_value(status) for one in leaves] == ["CANCELED", "CREATED"]


async def test_drain_whose_root_cannot_be_reached_leaves_the_job_alone(
    cascade: Cascade, tailrace: Tailrace
):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await leaf.db.execute(
        "update pgq_node.node_location set node_location = 'host=127.0.0.1 port=1 dbname=gone'"
        " where node_name = 'node1'"
    )
    complaint = await Sql(tailrace, leaf).fails("STOP JOB 'node2_worker' WITH DRAIN")
    assert 'job "node2_worker" cannot be drained, the root of its queue has to say' in complaint
    assert "cannot connect to host=127.0.0.1 port=1 dbname=gone" in complaint
    assert complaint.endswith("without WITH DRAIN it stops where it is")
    assert await leaf.db.fetch_value("select status from tailrace.jobs") == "CREATED"


async def test_stop_and_start_end_at_their_deadline(cascade: Cascade, tailrace: Tailrace):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await root.add_table()
    await root.db.execute("insert into public.t values (1, 'x')")
    await root.tick()
    at = ("--timeout", "0.2", "--db", leaf.dsn)
    complaint = (await tailrace("stop-job", "node2_worker", "--drain", *at, status=1)).complaint
    assert "the drain was given up, the job goes on" in complaint
    assert "waiting for tick" in complaint
    assert await leaf.db.fetch_value("select drain_since is null from tailrace.job")
    await tailrace("stop-job", "node2_worker", "--db", leaf.dsn)
    complaint = (await tailrace("start-job", "node2_worker", *at, status=1)).complaint
    assert complaint.endswith("it stays asked to run, and is taken by: tailrace run")


BAD = [
    ("STOP JOB 'a' WITH SAVEPOINT", 'there is no job "a"'),
    ("START JOB 'a' FROM SAVEPOINT 'b'", 'there is no job "a"'),
    ("SHOW SAVEPOINTS FOR JOB 'a'", 'there is no job "a"'),
    ("DROP SAVEPOINT 'b'", '"b" is not the path of a savepoint'),
    ("DROP SAVEPOINT '/b'", 'there is no savepoint "/b"'),
    ("SET 'state.savepoints.dir' = 'x'", '"x" is neither an absolute path nor a URL'),
    ("SHOW CHECKPOINTS FOR JOB 'a'", 'there is no job "a"'),
    ("copy (select 1) to stdout", "use TABLE or SELECT, and --format csv"),
    ("/* x */ COPY t FROM stdin", "COPY … FROM STDIN takes rows"),
    ("STOP JOB 'a'", 'there is no job "a"; to name a job by its id, give at least 6'),
    ("SHOW NODES FOR QUEUE 'q'", 'is no node of queue "q"'),
    ("SHOW CONSUMERS FOR QUEUE 'q'", 'there is no queue "q"'),
    ("SET 'x' = '1'", 'there is no setting "x" of the session'),
    ("SET 'tailrace.timeout' = 'soon'", '"soon" is not a duration'),
    ("SET 'tailrace.engine' = 'spark'", "there are: postgres, flink"),
    ("HELP NOTHING", 'there is no statement that begins "NOTHING"'),
    ("\\nothing", 'there is no command "\\nothing"'),
    ("\\x perhaps", "is neither on, off nor auto"),
    ("\\watch soon", "is no time and no count"),
    ("\\watch 0.1 2", 'watch 0.1 2: "2" is one too many'),
    ("\\watch", "there is none yet"),
    ("\\o /nowhere/file", "cannot be written: No such file"),
]


class TestScripts:
    """-c, -f, formats and errors, on a database without nodes."""

    @pytest_asyncio.fixture
    async def sql(self, cascade: Cascade, database, tailrace: Tailrace) -> Sql:
        return Sql(tailrace, TestNode("none", database))

    async def test_what_is_not_ours_goes_to_postgres(self, sql: Sql):
        out = (await sql("create table t (a int, b text); insert into t values (1, null)")).out
        assert out == "CREATE TABLE\nINSERT 0 1\n"
        assert (await sql("table t")).out == " a | b\n---+---\n 1 |\n(1 row)\n"
        assert (await sql("select where false")).out.endswith("(0 rows)\n")
        assert await sql.rows("select 1 as a, true as b, 1.50 as c, date '0044-03-15 BC' as d") == [
            {"a": 1, "b": True, "c": 1.5, "d": "0044-03-15 BC"}
        ]
        assert await sql.rows("select interval '1 month' as i, '{1,NULL}'::int[] as a") == [
            {"i": "1 mon", "a": [1, None]}
        ]
        out = (await sql("begin; insert into t values (2); rollback; select count(*) from t")).out
        assert out.splitlines()[-2].strip() == "1"
        result = await sql("select a, b from t", options=("--format", "csv"))
        assert list(csv.reader(io.StringIO(result.out))) == [["a", "b"], ["1", ""]]

    async def test_columns_of_one_name_are_all_shown(self, sql: Sql):
        assert await sql.rows("select 1 as a, 2 as a") == [{"a": 1, "a_2": 2}]

    async def test_users_settings_are_his_and_not_ours(self, sql: Sql):
        assert (await sql.rows("show search_path"))[0]["search_path"] == '"$user", public'

    async def test_error_ends_it_with_one_line_and_a_caret(self, sql: Sql):
        result = await sql("select 1; select wrong from pg_class; select 2", status=1)
        assert " 2\n" not in result.out
        assert 'column "wrong" does not exist' in result.err.splitlines()[0]
        assert result.err.splitlines()[1:] == ["select wrong from pg_class", "       ^"]
        result = await sql(
            "do $$ begin raise notice 'look'; copy (select 1) to stdout; end $$", status=1
        )
        assert result.err.startswith("notice: look\nerror: ")
        result = await sql("STOP JOB x", status=1)
        assert result.err.splitlines()[1:] == ["STOP JOB x", "         ^"]
        result = await sql("select wrong; select 2", options=("--continue-on-error",))
        assert " 2\n" in result.out

    async def test_errors_in_a_job_point_into_the_script(self, sql: Sql):
        for job, place in (
            ("INSERT INTO t SELECT 1\nFROM changes.nowhere", (3, 6, "FROM changes.nowhere;")),
            (
                "$$\n  DELETE FROM t;\n  INSERT INTO t SELEC 1 $$",
                (4, 17, "  INSERT INTO t SELEC 1 $$;"),
            ),
        ):
            result = await sql(f"select 1;\nCREATE JOB a AS {job};", status=1)
            line, column, text = place
            first, *rest = result.err.splitlines()
            assert f"line {line}, column {column}: " in first
            assert rest == [text, " " * (column - 1) + "^"]

    async def test_errors_of_a_file_name_its_line(self, sql: Sql, tmp_path):
        script = tmp_path / "script.sql"
        script.write_text(
            "\ufeff-- a comment\r\nselect 1;\n/* and\nanother */ select 1,\n  wrong;\n\n"
            "-- where\nSTOP JOB\n 'nobody';\n\\nothing\nSHOW JOBS\n NOW;\n"
            "select 2 \\watch i=0 c=2\nselect '7'::json -> 1 -> wrong \\watch c=2\n",
            encoding="utf-8",
        )
        options = ("--continue-on-error", "-f", str(script))
        said = (await sql(options=options)).err.splitlines()
        errors = [line for line in said if line.startswith("error: ")]
        assert [": ".join(line.split(": ")[1:2]) for line in errors] == [
            "line 5", "line 8", "line 10", "line 12, column 2", "line 14", "line 14",
        ]  # fmt: skip
        assert said[said.index(errors[0]) + 1 :][:2] == ["  wrong", "  ^"]
        # a statement that is repeated is pointed into, and not the command that repeats it
        assert "^" in said[-1]
        assert said[-2].startswith("select '7'::json")

    async def test_hints_can_be_typed_whatever_the_job_is_called(self, sql: Sql):
        tables = "create table t (id int primary key); create table u (id int);"
        await sql(f'{tables} CREATE JOB "it\'s %s" AS INSERT INTO u SELECT id FROM changes.t')
        called = "'it''s %s'"
        assert (await sql.fails(f"DROP JOB {called}")).endswith(f": STOP JOB {called}")
        await sql(f"STOP JOB {called}")
        assert (await sql.fails(f"STOP JOB {called}")).endswith(f": START JOB {called}")

    async def test_who_lost_the_connection_is_told_what_is_gone(self, sql: Sql):
        lose = "select pg_terminate_backend(pg_backend_pid())"
        said = await sql(
            f"set work_mem = '9MB'; begin; {lose}; show work_mem; select 1",
            options=("--continue-on-error",),
        )
        assert "9MB" not in said.out
        assert said.err.count("warning: connected again; what was set or begun before is gone") == 1
        assert "connected again" not in (await sql(lose, status=1)).err

    async def test_scripts_may_end_as_those_of_other_clients_do(self, sql: Sql):
        assert (await sql("select 1 as a; Exit; select 2 as b")).out.splitlines()[0] == " a"
        assert " b" not in (await sql("select 1 as a;\nQUIT;\nselect 2 as b")).out

    async def test_what_no_rollback_takes_back_is_refused_in_a_transaction(self, sql: Sql):
        for statement in (
            "CREATE JOB a AS INSERT INTO t SELECT 1 FROM changes.t", "STOP JOB 'a' WITH SAVEPOINT",
            "START JOB 'a'", "DROP JOB 'a'", "CREATE SAVEPOINT FOR JOB 'a'",
            "DROP SAVEPOINT '/x'", "DROP SAVEPOINTS FOR JOB 'a' KEEP LAST 1",
        ):  # fmt: skip
            result = await sql(f"begin; SHOW JOBS; {statement}", status=1)
            verb = " ".join(statement.split()[:2])
            assert f"error: {verb} is not part of the transaction that is open" in result.err
            assert "with COMMIT or ROLLBACK" in result.err
        assert "no job" in (await sql("begin; rollback; DROP JOB 'a'", status=1)).err

    async def test_bad_input_is_one_clear_line(self, sql: Sql):
        for text, complaint in BAD:
            said = await sql.fails(text)
            assert complaint in said, text
            assert len(said.splitlines()) == 1, said

    async def test_json_and_arrays_are_such_for_programs(self, sql: Sql):
        text = (
            "select array[1,2] as i, array['a','b c',null] as t, '{\"k\": [1.50]}'::jsonb as j,"
            " array['{\"x\": 1}'::json] as js, array[true,null] as b, '{}'::uuid[] as u"
        )
        (row,) = await sql.rows(text)
        assert row == {
            "i": [1, 2], "t": ["a", "b c", None], "j": {"k": [1.5]}, "js": [{"x": 1}],
            "b": [True, None], "u": [],
        }  # fmt: skip
        assert '{a,"b c",NULL}' in (await sql(text)).out

    async def test_settings_of_the_session(self, sql: Sql):
        result = await sql(
            "SET 'tailrace.timeout' = '2s'; SET; RESET 'tailrace.timeout'; SET; HELP STOP",
            options=("--format", "tsv"),
        )
        lines = [line for line in result.out.splitlines() if line.startswith("tailrace.timeout")]
        assert [line.split("\t")[1] for line in lines] == ["2s", "60s"]
        assert "STOP JOB '<job>' [WITH SAVEPOINT] [WITH DRAIN]\t" in result.out

    async def test_files_and_commands(self, sql: Sql, tmp_path):
        script = tmp_path / "script.sql"
        script.write_text(
            "-- a comment\nselect 'first' as a \\watch i=0.01 c=3\n\\x\nselect 2 as b;\n"
            "\\o result.txt\nselect 3 as c;\n\\o\n\\timing on\nselect 4;\n\\q\nselect 5;"
        )
        result = await sql(options=("-f", str(script)))
        assert result.out.count("first") == 3
        assert "-[ 1 ]" in result.out
        assert "c | 3" in (tmp_path / "result.txt").read_text()
        assert "time: " in result.err
        assert " 5" not in result.out
        result = await sql(options=("-f", "missing.sql"), status=2)
        assert result.complaint.startswith(
            'tailrace sql: file "missing.sql" cannot be read: No such'
        )
