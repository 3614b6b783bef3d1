"""Installs, upgrades and removes the schemas of tailrace in one database.

``sql/install.sql`` is the table of contents: it includes ``<schema>/install.sql``, which includes
the files of that schema, in psql's own notation (``\\ir``), so that psql can run it as well. A
fresh install runs every file. An upgrade runs the numbered migrations that the database has not
had, and then every file except ``tables.sql`` again, so functions are always those of the code.
Everything happens in one transaction under a lock: it is done or it is not.

What was installed is recorded in ``tailrace.installation``; a schema that is there without such a
record belongs to somebody else (the real ``pgq`` extension, say) and is never touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tailrace import __version__, log
from tailrace.db import beside
from tailrace.db.beside import scripts_of
from tailrace.db.connection import Database, Row, queries
from tailrace.db.rights import to_apply
from tailrace.db.scripts import Migration, Script, migrations, scripts
from tailrace.errors import DatabaseError, SchemaMissing, TailraceError, WrongState

SCHEMAS = ("pgq", "pgq_coop", "pgq_node", "tailrace")

# Schemas that come and go with one of ours and hold nothing but what is generated.
SATELLITES = {"tailrace": ("tailrace_capture",)}

Action = Literal["installed", "upgraded", "current", "left alone", "removed"]

# Another result, other names of parameters, or a function where there was a procedure.
_NOT_REPLACEABLE = ("42P13", "42809")
_logger = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one schema."""

    schema: str
    action: Action
    version: str


@dataclass(slots=True)
class Report:
    """What an install or uninstall did, and what the administrator should know about."""

    outcomes: list[Outcome] = field(default_factory=list)
    migrations: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything was done at all."""
        return any(one.action not in ("current", "left alone") for one in self.outcomes)


def digest(schema: str) -> str:
    """Return a digest of everything the schema is made from."""
    total = hashlib.sha256()
    own_migrations = [one.script for one in migrations() if one.schema == schema]
    moved = beside.helpers() if schema == beside.SCHEMA else ()
    for script in [*scripts(schema), *moved, *own_migrations]:
        total.update(f"{script.path}\0{script.text}\0".encode())
    return total.hexdigest()[:16]


# ---------------------------------------------------------------- what is there


@dataclass(frozen=True, slots=True)
class _Found:
    """What a database holds of one schema: nothing, ours, an extension's or a stranger's."""

    schema: str
    owner: Literal["nobody", "us", "extension", "stranger"]
    version: str = ""
    digest: str = ""
    role: str = ""
    may_change: bool = True

    @property
    def current(self) -> bool:
        """Whether it is as this version makes it."""
        return self.owner == "us" and self.digest == digest(self.schema)


async def _look(db: Database, schemas: Sequence[str]) -> dict[str, _Found]:
    rows = await db.fetch_all(queries.found_schemas, schemas=list(schemas))
    present = {row.schema: row for row in rows}
    ours = {}
    if await db.fetch_value(queries.has_record):
        ours = {row.schema_name: row for row in await db.fetch_all(queries.recorded)}
    found = {}
    for schema in schemas:
        if schema not in present:
            found[schema] = _Found(schema, "nobody")
        elif schema in ours:
            record = ours[schema]
            there = present[schema]
            found[schema] = _Found(
                schema, "us", record.version, record.digest, there.role, there.may_change
            )
        else:
            is_extension = present[schema].is_extension
            found[schema] = _Found(schema, "extension" if is_extension else "stranger")
    return found


def digests() -> dict[str, str]:
    """Return the digests of all schemas; for who looks at many databases at once."""
    return {schema: digest(schema) for schema in SCHEMAS}


async def require(db: Database, *, wanted: Mapping[str, str] | None = None) -> None:
    """Raise ``SchemaMissing`` unless the database holds the schemas as this version knows them.

    ``wanted`` is what ``digests`` returned, to save computing it for each database.
    """
    wanted = wanted or digests()
    found = await _look(db, SCHEMAS)
    if found["tailrace"].owner != "us":
        raise SchemaMissing(
            f'database "{db.dbname}" does not hold the schemas of tailrace',
            hint="install them with: tailrace install --db DSN",
        )
    for one in found.values():
        if one.owner == "us" and one.digest != wanted[one.schema]:
            raise SchemaMissing(
                f'schema "{one.schema}" of database "{db.dbname}" is of tailrace {one.version} '
                f"and differs from what {__version__} installs",
                hint="upgrade it with: tailrace install --db DSN",
            )


# ---------------------------------------------------------------- installing


async def install(
    db: Database,
    *,
    use_extension: bool = False,
    hold_post: bool = False,
    schemas: Sequence[str] = SCHEMAS,
) -> Report:
    """Install what is missing and upgrade what is old; doing it again changes nothing.

    ``use_extension`` leaves queue schemas that are not ours in place and puts only the rest beside
    them. ``hold_post`` keeps back the migrations that have to wait until no process of the old
    version runs any more; the next install without it does them.
    """
    report = Report()
    async with db.transaction():
        await db.execute(queries.install_lock)
        found = await _look(db, schemas)
        for one in found.values():
            _refuse_foreign(db, one, use_extension)
        fresh = {one.schema for one in found.values() if one.owner == "nobody"}
        await _refuse_without_rights(db, [one for one in found.values() if not one.current], fresh)
        if use_extension:  # the other pgq's functions may not be those that a check expects
            await db.execute(queries.unchecked_bodies)
        kept = {one.schema for one in found.values() if one.owner == "us"}
        done = await _done_migrations(db)
        await _migrate(db, [m for m in migrations() if m.kind == "pre"], kept, done, report)
        foreign = "pgq" in found and found["pgq"].owner in ("extension", "stranger")
        for one in found.values():
            await _bring_up(db, one, report, foreign=foreign)
        if foreign and report.changed:
            await _wake_by_trigger(db, report)
        await _record(db, report, fresh)
        if not hold_post:
            await _migrate(db, [m for m in migrations() if m.kind == "post"], kept, done, report)
        await _check_rights(db, report)
    return report


def _refuse_foreign(db: Database, found: _Found, use_extension: bool) -> None:
    if found.owner in ("nobody", "us") or (use_extension and found.schema != "tailrace"):
        return
    if found.owner == "extension":
        raise WrongState(
            f'database "{db.dbname}" already holds the extension "{found.schema}"; '
            "nothing was changed",
            hint="to keep it and put only the rest beside it: tailrace install --use-extension",
            schema=found.schema,
        )
    raise WrongState(
        f'schema "{found.schema}" of database "{db.dbname}" was not installed by tailrace; '
        "nothing was changed",
        hint="choose another database, or rename the schema"
        if found.schema == "tailrace"
        else "if it is PgQ, keep it with: tailrace install --use-extension",
        schema=found.schema,
    )


async def _refuse_without_rights(
    db: Database, changing: Sequence[_Found], fresh: Collection[str] = ()
) -> None:
    """Say which role is needed, rather than what of ours the server refused first."""
    if fresh and not await db.fetch_value(queries.may_create):
        raise WrongState(
            f'role "{db.user}" may not create schemas in database "{db.dbname}"',
            hint="as the owner of the database or a superuser run: "
            f'grant create on database "{db.dbname}" to "{db.user}"',
        )
    for one in changing:
        if not one.may_change:
            raise WrongState(
                f'schema "{one.schema}" of database "{db.dbname}" belongs to role "{one.role}", '
                f'so role "{db.user}" cannot change or remove it',
                hint=f'run it as role "{one.role}" or a superuser',
            )


async def _bring_up(db: Database, found: _Found, report: Report, *, foreign: bool) -> None:
    """Run the files of one schema as far as its state asks for it; ``foreign``: pgq is not ours."""
    if found.owner in ("extension", "stranger"):
        report.outcomes.append(Outcome(found.schema, "left alone", ""))
        return
    if found.current:
        report.outcomes.append(Outcome(found.schema, "current", found.version))
        return
    if found.owner == "nobody":
        for script in scripts_of(found.schema, beside=foreign):
            await _run(db, script)
        report.outcomes.append(Outcome(found.schema, "installed", __version__))
        return
    await _upgrade(db, found.schema, scripts_of(found.schema, beside=foreign))
    report.outcomes.append(Outcome(found.schema, "upgraded", __version__))


async def _upgrade(db: Database, schema: str, files: list[Script]) -> None:
    """Make all functions anew, and drop what an older version had under the same names.

    A function whose result has other columns than before cannot be replaced, and one with other
    parameters would stand beside the old one; both would make an upgraded database another one
    than a fresh install.
    """
    before = {(row.oid, row.version) for row in await _functions(db, schema)}
    everything = [script for script in files if not script.makes_tables]
    for script in everything:
        if not script.grants_rights:
            await _replace(db, schema, script)
    names = {script.function for script in everything}
    await _drop(
        db,
        [
            row.oid
            for row in await _functions(db, schema)
            if (row.oid, row.version) in before and row.name in names
        ],
    )
    for script in everything:
        if script.grants_rights:
            await _run(db, script)


async def _replace(db: Database, schema: str, script: Script) -> None:
    """Run one file; where its function returns something else than before, drop that first."""
    try:
        async with db.transaction():
            await _run(db, script)
    except DatabaseError as exc:
        if exc.sqlstate not in _NOT_REPLACEABLE:
            raise
        old = [row.oid for row in await _functions(db, schema) if row.name == script.function]
        await _drop(db, old)
        await _run(db, script)


async def _functions(db: Database, schema: str) -> list[Row]:
    return await db.fetch_all(queries.functions_there, schema=schema)


async def _drop(db: Database, functions: list[int]) -> None:
    for row in await db.fetch_all(queries.drop_functions_sql, oids=functions):
        await db.execute(row.statement)


async def _run(db: Database, script: Script) -> None:
    """Run one file; an error names the file and the line."""
    try:
        await db.execute(script.text)
    except TailraceError as exc:
        if exc.retryable:
            raise
        position = getattr(getattr(exc.__cause__, "diag", None), "statement_position", None)
        line = script.text.count("\n", 0, int(position)) + 1 if position else 0
        place = f"sql/{script.path}:{line}" if line else f"sql/{script.path}"
        raise DatabaseError(f"{place}: {exc.message}", sqlstate=exc.sqlstate) from exc


async def _done_migrations(db: Database) -> set[tuple[int, str]]:
    if not await db.fetch_value(queries.has_record):
        return set()
    return {(row.number, row.kind) for row in await db.fetch_all(queries.done_migrations)}


async def _migrate(
    db: Database,
    wanted: Sequence[Migration],
    schemas: set[str],
    done: set[tuple[int, str]],
    report: Report,
) -> None:
    for migration in wanted:
        if migration.schema in schemas and (migration.number, migration.kind) not in done:
            await _run(db, migration.script)
            await _record_migration(db, migration)
            report.migrations.append(migration.script.path.rpartition("/")[2])


async def _record(db: Database, report: Report, fresh: set[str]) -> None:
    """Note what is installed now; a fresh schema has, by being fresh, all its migrations."""
    for one in report.outcomes:
        if one.action in ("installed", "upgraded"):
            await db.execute(
                queries.record_schema,
                schema=one.schema,
                version=__version__,
                digest=digest(one.schema),
            )
    for migration in migrations():
        if migration.schema in fresh:
            await _record_migration(db, migration)


async def _record_migration(db: Database, migration: Migration) -> None:
    await db.execute(
        queries.record_migration,
        number=migration.number,
        kind=migration.kind,
        name=migration.name,
    )


async def _wake_by_trigger(db: Database, report: Report) -> None:
    """Let ticks of a ``pgq`` that is not ours notify, as ours do."""
    if not await db.fetch_value(queries.owns_ticks):
        report.warnings.append(
            f'role "{db.user}" may not make a trigger on pgq.tick, so ticks are found by polling'
        )
        return
    await db.execute(queries.wake_by_trigger)


async def _check_rights(db: Database, report: Report) -> None:
    """Say now what would otherwise be found out by the first worker."""
    if await may_apply(db):
        return
    report.warnings.append(
        f'role "{db.user}" may not set session_replication_role, so it can be a provider but '
        f"cannot apply into tables here; {to_apply(db.user, db.server_version)}"
    )


async def may_apply(db: Database) -> bool:
    """Whether our role may switch triggers off while it applies."""
    has_right = db.server_version >= 150000
    query = queries.may_be_replica if has_right else queries.may_be_replica_14
    return bool(await db.fetch_value(query))


# ---------------------------------------------------------------- removing


async def uninstall(db: Database) -> Report:
    """Drop the schemas that tailrace has installed, with all queues and positions in them.

    What belongs to an extension or to somebody else stays, and so do the roles, which other
    databases of the cluster may use.
    """
    report = Report()
    async with db.transaction():
        await db.execute(queries.install_lock)
        found = await _look(db, SCHEMAS)
        await _refuse_without_rights(db, [one for one in found.values() if one.owner == "us"])
        for schema in reversed(SCHEMAS):
            one = found[schema]
            if one.owner == "us":
                for name in (*SATELLITES.get(schema, ()), schema):
                    await db.execute(await db.fetch_value(queries.drop_schema, schema=name))
                report.outcomes.append(Outcome(schema, "removed", one.version))
            elif one.owner != "nobody":
                report.outcomes.append(Outcome(schema, "left alone", ""))
    return report
