create or replace function tailrace.open_writers(
    i_queue text,
    out pid              integer,
    out application_name text,
    out seconds          double precision
)
returns setof record
language sql volatile as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.open_writers(1)
--
--      Transactions that may have written into the queue and have not ended: those that the final
--      tick of a demotion would wait for (pgq_node.await_writers). A takeover looks first, so that
--      it waits while everybody can still write.
--
-- Parameters:
--      i_queue  - queue; transactions are not told apart by queue, for the lock that shows them is
--                 the one on pgq.queue
--
-- Returns:
--      pid               - of the server process; NULL: a prepared transaction
--      application_name  - what it calls itself; NULL: we may not see it
--      seconds           - since its transaction began; NULL: we may not see it
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select distinct r.pid, a.application_name,
        extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::double precision
    from pg_catalog.pg_locks as r
    join pg_catalog.pg_locks as x on x.virtualtransaction = r.virtualtransaction
    left join pg_catalog.pg_stat_activity as a on a.pid = r.pid
    where r.locktype = 'relation'
        and r.database = (select d.oid from pg_catalog.pg_database as d
            where d.datname = pg_catalog.current_database())
        and r.relation = 'pgq.queue'::pg_catalog.regclass
        and x.locktype = 'transactionid' and x.granted
        and r.pid is distinct from pg_catalog.pg_backend_pid()
        and exists (select 1 from pgq.queue as q where q.queue_name = i_queue)
    order by 3 desc nulls last;
$body$;

comment on function tailrace.open_writers(text) is
    'transactions that may have written into the queue and have not ended';
