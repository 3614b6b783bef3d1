"""What capture adds to large statements: against no trigger, a row trigger, PgQ's C trigger."""

from __future__ import annotations

from benchmarks.flights import make_source, make_target
from benchmarks.report import Result
from benchmarks.stage import Scale, Stage, timed
from tailrace.db.connection import Database

QUEUE = "bench"

# The same payload as ours, written by the obvious trigger: one event a row.
ROW_TRIGGER = """
create function row_trigger() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        insert into pgq.event_1_0 (ev_id, ev_time, ev_type, ev_data, ev_extra1)
        values (nextval('pgq.event_1_id_seq'), now(), 'row:D', row(old.id)::text, 'public.flights');
    else
        insert into pgq.event_1_0 (ev_id, ev_time, ev_type, ev_data, ev_extra1)
        values (nextval('pgq.event_1_id_seq'), now(), 'row:' || left(tg_op, 1), new::text,
                'public.flights');
    end if;
    return null;
end
$$
"""
STATEMENTS = {
    "insert": "insert into {table} select * from source",
    "update": "update {table} set dep_delay = dep_delay + 1, tailnum = tailnum || '*'",
    "delete": "delete from {table}",
}


async def measure(stage: Stage, scale: Scale) -> list[Result]:
    """Run insert, update and delete of all rows, one statement each, for each kind of capture."""
    db = await stage.database("capture")
    try:
        await make_source(db, scale.rows)
        competitors = await _prepare(stage, db)
        results = {name: Result(f"{name} {scale.rows} rows") for name in STATEMENTS}
        for repeat in range(scale.repeats):
            for competitor in _rotated(competitors, repeat):
                await _round(db, competitor, results)
    finally:
        await db.close()
    for result in results.values():
        _compare(result)
    return list(results.values())


def _rotated(names: list[str], by: int) -> list[str]:
    return names[by % len(names) :] + names[: by % len(names)]


async def _prepare(stage: Stage, db: Database) -> list[str]:
    """Make a table for each competitor, with its trigger on it."""
    peer = await db.fetch_value("select count(*) from pg_available_extensions where name = 'pgq'")
    competitors = ["none", "row trigger", "tailrace"]
    await stage.node("node1", QUEUE, "root", db)
    for name in competitors:
        await make_target(db, _table(name))
    await db.execute(ROW_TRIGGER)
    await db.execute(
        "create trigger capture after insert or update or delete on row_trigger for each row"
        " execute function row_trigger()"
    )
    await stage.add_table(db, QUEUE, "tailrace")
    if peer:
        await _prepare_peer(stage)
        competitors.append("logutriga")
    return competitors


async def _prepare_peer(stage: Stage) -> None:
    """Make a database with the original extension, which cannot stand beside ours."""
    db = await stage.database("capture_peer")
    try:
        await db.execute("create extension pgq")
        await db.fetch_value("select pgq.create_queue('bench')")
        await make_target(db, "logutriga")
        await db.execute(
            "create trigger capture after insert or update or delete on logutriga for each row"
            " execute function pgq.logutriga('bench')"
        )
        source = await stage.connect("capture")
        async with source, db.copy_in("copy logutriga from stdin") as copy:
            async for data in source.copy_out("copy public.source to stdout"):
                await copy.write(data)
        await db.execute("create unlogged table source as select * from logutriga")
    finally:
        await db.close()
    _PEERS["logutriga"] = stage.dsn("capture_peer")


_PEERS: dict[str, str] = {}


def _table(competitor: str) -> str:
    return competitor.replace(" ", "_")


async def _round(db: Database, competitor: str, results: dict[str, Result]) -> None:
    """Run the statements of one competitor, from empty tables and with a fresh checkpoint."""
    other = _PEERS.get(competitor)
    if other is not None:
        db = await Database.connect(other, name="bench")
        await db.execute("set search_path = public")
    table = _table(competitor)
    await db.execute(
        "set session_replication_role = replica;"
        f" truncate {table}, pgq.event_1_0, pgq.event_1_1, pgq.event_1_2;"
        " set session_replication_role = origin"
    )
    for name, statement in STATEMENTS.items():
        await db.execute("checkpoint")
        with timed() as watch:
            await db.execute(statement.format(table=table))
        results[name].add(competitor, watch.seconds)
        await db.execute(f"vacuum {table}")
    if other is not None:
        await db.close()


def _compare(result: Result) -> None:
    """Compare what is added to the bare statement."""
    bare = result.median("none")
    added = result.median("tailrace") - bare
    for peer in ("row trigger", "logutriga"):
        if peer in result.samples:
            result.ratio(f"added, tailrace/{peer}", added, result.median(peer) - bare)
