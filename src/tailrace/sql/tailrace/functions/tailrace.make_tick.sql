create or replace function tailrace.make_tick(
    i_queue text
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.make_tick(1)
--
--      Make a tick now, whatever the rules say: all that has been committed lies before it.
--
-- Parameters:
--      i_queue  - queue of which this database is the root
--
-- Returns:
--      the tick; raises TR009 where ticks come from another node
--
-- Calls:
--      tailrace.snapshot_tick
-- Tables directly manipulated:
--      lock - pgq.tick
-- ----------------------------------------------------------------------
begin
    lock table pgq.tick in share row exclusive mode;
    return tailrace.snapshot_tick(i_queue, pg_catalog.txid_current_snapshot()::text);
end;
$body$;

comment on function tailrace.make_tick(text) is 'makes a tick, whatever the rules say';
