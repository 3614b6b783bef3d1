-- pgq_node.await_writers(i_queue_name)
--
-- Purpose:    waits for every transaction that may have seen the queue open for writing. A writer reads the flag in one
--             statement and inserts in a later one (after pgq.current_event_table perhaps much later); a lock on the
--             event table finds only those that have inserted already, and would let the others insert behind the
--             final tick, where nobody looks.
-- Parameters: i_queue_name  queue that is closed for writing, in a transaction that has committed
-- Returns:    nothing
-- NULL:       nothing is waited for, as for a queue that is still open
-- Calls:      nothing
-- Changes:    nothing
--
-- A writer gets its transaction id before it reads pgq.queue, and keeps both locks to its end: those that hold them now
-- are waited for, those that come later see the flag. Transactions that only read hold no id and are not waited for.
-- The caller must hold no lock that a writer could want, since a deadlock with this loop is found by nobody.
create or replace function pgq_node.await_writers(i_queue_name text)
returns void
language plpgsql as $$
declare
    v_writers text[];
begin
    perform 1 from pgq.queue q where q.queue_name = i_queue_name and q.queue_disable_insert;
    if not found then
        return;
    end if;

    select pg_catalog.array_agg(distinct r.virtualtransaction) into v_writers
      from pg_catalog.pg_locks r
      join pg_catalog.pg_locks x on x.virtualtransaction = r.virtualtransaction
     where r.locktype = 'relation'
       and r.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
       and r.relation = 'pgq.queue'::pg_catalog.regclass
       and x.locktype = 'transactionid'
       and x.granted
       and r.pid is distinct from pg_catalog.pg_backend_pid();

    while exists (select 1 from pg_catalog.pg_locks l where l.virtualtransaction = any (v_writers)) loop
        perform pg_catalog.pg_sleep(0.01);
    end loop;
end;
$$;
comment on function pgq_node.await_writers(text) is
    'Internal: waits for transactions that may have seen the queue open for writing';
