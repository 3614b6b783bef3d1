-- Queries that belong to no schema of ours: sessions, locks, installing.

-- pin_session: the settings on which our text formats rest, for the life of the connection
-- Everything that is sent as text must read the same on every server, whatever its defaults,
-- and a time-out that an administrator set for people must not break a long batch. The server shall
-- notice within seconds that our host has died: until then it keeps our locks.
select
    set_config('DateStyle', 'ISO, MDY', false) as datestyle,
    set_config('IntervalStyle', 'postgres', false) as intervalstyle,
    set_config('TimeZone', 'UTC', false) as timezone,
    set_config('extra_float_digits', '1', false) as extra_float_digits,
    set_config('bytea_output', 'hex', false) as bytea_output,
    set_config('lc_monetary', 'C', false) as lc_monetary,
    set_config('search_path', '', false) as search_path,
    set_config('lock_timeout', '0', false) as lock_timeout,
    set_config('statement_timeout', '0', false) as statement_timeout,
    set_config('tcp_keepalives_idle', '5', false) as tcp_keepalives_idle,
    set_config('tcp_keepalives_interval', '2', false) as tcp_keepalives_interval,
    set_config('tcp_keepalives_count', '3', false) as tcp_keepalives_count,
    set_config('idle_in_transaction_session_timeout', '0', false) as idle_in_transaction_session_timeout;

-- become_replica: stop user triggers and foreign keys of this session from firing; batches are staged in memory
select set_config('session_replication_role', 'replica', false) as role, set_config('temp_buffers', '32MB', false) as buffers;

-- has_become_replica: whether there is a function for it that a superuser has made (PostgreSQL 14)
select to_regprocedure('tailrace.become_replica()') is not null;

-- become_replica_14: the same by a function that a superuser has made
select tailrace.become_replica() as role, set_config('temp_buffers', '32MB', false) as buffers;

-- listen: hear of ticks
listen tailrace_tick;

-- try_lock: take a session advisory lock by a text key, without waiting
select pg_try_advisory_lock(hashtextextended(%(key)s, 7461));

-- unlock: give a session advisory lock back
select pg_advisory_unlock(hashtextextended(%(key)s, 7461));

-- mark_session: let others see which sessions are of the same runner
select pg_advisory_lock_shared(7461, hashtext(%(runner)s));

-- end_silent: end the session that holds a lock, if nothing has been heard of its runner for long
-- A runner that is stopped keeps its sessions, and with them its locks. All its sessions have the
-- same mark; a live one says something through one of them at least once a second. A session
-- that is busy in the server says nothing about its client, and one whose state we may not see
-- neither: then nobody is disturbed.
with holder as (
    select l.pid, l.database
    from pg_locks as l
    join pg_database as d on d.oid = l.database and d.datname = current_database()
    where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
        and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%(key)s, 7461)
), kin as (
    select h.pid from holder as h
    union
    select other.pid
    from holder as h
    join pg_locks as mine on mine.pid = h.pid
    join pg_locks as other on other.database = mine.database and other.classid = mine.classid
        and other.objid = mine.objid and other.objsubid = mine.objsubid
        and other.locktype = mine.locktype
    where mine.locktype = 'advisory' and mine.objsubid = 2 and mine.classid = 7461
)
select pg_terminate_backend(h.pid)
from holder as h
where not exists (
    select 1
    from pg_stat_activity as a
    join kin as k on k.pid = a.pid
    where coalesce(a.state, 'disabled') = 'disabled'
        or (a.state = 'active' and a.wait_event_type is distinct from 'Client')
        or greatest(a.state_change, a.query_start)
            > clock_timestamp() - make_interval(secs => %(seconds)s)
);

-- install_lock: let only one install at a time work in this database
select pg_advisory_xact_lock(hashtextextended('tailrace install', 7461));

-- unchecked_bodies: let functions be made in this transaction although what they call may not be there
select set_config('check_function_bodies', 'off', true);

-- found_schemas: which of the named schemas exist, which belong to an extension of that name, whose they are
select wanted.name as schema, e.oid is not null as is_extension,
    pg_get_userbyid(n.nspowner)::text as role, coalesce(pg_has_role(n.nspowner, 'usage'), true) as may_change
from unnest(%(schemas)s::text[]) as wanted (name)
left join pg_namespace as n on n.nspname = wanted.name
left join pg_extension as e on e.extname = wanted.name
where n.oid is not null or e.oid is not null;

-- may_create: whether the current role may make schemas
select has_database_privilege(current_database(), 'create');

-- has_record: whether the tables in which installations are recorded are there
select to_regclass('tailrace.installation') is not null;

-- recorded: what has been installed, by schema
select schema_name, version, digest from tailrace.installation;

-- record_schema: note what is installed now
insert into tailrace.installation as i (schema_name, version, digest)
values (%(schema)s, %(version)s, %(digest)s)
on conflict (schema_name) do update
set version = excluded.version, digest = excluded.digest, changed_at = now();

-- done_migrations: numbers and kinds of the migrations this database has had
select number, kind from tailrace.migration;

-- record_migration: note that a migration has been done
insert into tailrace.migration (number, kind, name)
values (%(number)s, %(kind)s, %(name)s);

-- owns_ticks: whether the current role may make a trigger on the table of ticks
select pg_has_role(c.relowner, 'usage') from pg_class as c where c.oid = 'pgq.tick'::regclass;

-- wake_by_trigger: let each tick that is stored wake whoever listens; also where it is stored by a worker
drop trigger if exists tailrace_wake on pgq.tick;
create trigger tailrace_wake after insert on pgq.tick for each row execute function tailrace.wake();
alter table pgq.tick enable always trigger tailrace_wake;

-- may_be_replica: whether the current role may switch triggers off while it applies
select has_parameter_privilege('session_replication_role', 'set');

-- may_be_replica_14: the same on PostgreSQL 14, where no such right can be granted, but lent by a superuser
select current_setting('is_superuser') = 'on'
    or coalesce(has_function_privilege(to_regprocedure('tailrace.become_replica()'), 'execute'), false);

-- drop_schema: the statement that removes a schema with all it holds
select format('drop schema if exists %%I cascade', %(schema)s::text);

-- functions_there: the functions of a schema as they are now; making one anew changes its version
select p.oid::bigint as oid, p.proname::text as name, p.xmin::text || p.ctid::text as version
from pg_proc as p
where p.pronamespace = to_regnamespace(quote_ident(%(schema)s));

-- drop_functions_sql: the statements that remove some functions; fails where something uses one
select format('drop %%s %%s', case p.prokind when 'p' then 'procedure' else 'function' end,
    p.oid::regprocedure) as statement
from pg_proc as p
where p.oid = any (%(oids)s::bigint[]);

-- setting: what one of PostgreSQL's settings is in this session
select current_setting(%(name)s);

-- setting_if_any: the same; NULL where nobody has made it
select nullif(current_setting(%(name)s, true), '');
