create or replace function tailrace.live_runners(
    i_silence interval default interval '5 seconds'
) returns table (runner integer)
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.live_runners(1)
--
--      Which processes run streams of this database. All sessions of a runner have the same mark, a
--      shared advisory lock, and one of them says something every second. A process that has died
--      has no sessions; one that is frozen keeps them and is silent.
--
-- Parameters:
--      i_silence  - after so long without a word a runner counts as dead
--
-- Returns:
--      runner  - hashtext() of runner_name in tailrace.runner
--      A session whose state we may not see counts as alive.
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select case when l.objid::bigint >= 2147483648 then l.objid::bigint - 4294967296
        else l.objid::bigint end::integer
    from pg_catalog.pg_locks as l
    join pg_catalog.pg_database as d on d.oid = l.database and d.datname = pg_catalog.current_database()
    join pg_catalog.pg_stat_activity as a on a.pid = l.pid
    where l.locktype = 'advisory' and l.classid = 7461 and l.objsubid = 2 and l.granted
    group by l.objid
    having pg_catalog.bool_or(coalesce(a.state, 'disabled') = 'disabled'
        or (a.state = 'active' and a.wait_event_type is distinct from 'Client')
        or greatest(a.state_change, a.query_start) > pg_catalog.clock_timestamp() - i_silence);
$body$;

comment on function tailrace.live_runners(interval) is 'processes that run streams of this database';
