create or replace function tailrace.covering_tick(
    i_queue text
) returns bigint
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.covering_tick(1)
--
--      The tick at which everything is done that has been committed by now. Call it on the root.
--
-- Parameters:
--      i_queue  - queue
--
-- Returns:
--      the newest tick, or the one after it while an event waits for that; NULL: no such queue
--
-- Calls:
--      tailrace.has_uncovered_event
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_tick     bigint;
    v_snapshot txid_snapshot;
begin
    select t.tick_id, t.tick_snapshot into v_tick, v_snapshot
    from pgq.tick as t
    join pgq.queue as q on q.queue_id = t.tick_queue
    where q.queue_name = i_queue
    order by t.tick_id desc
    limit 1;
    if tailrace.has_uncovered_event(i_queue, v_snapshot, pg_catalog.txid_current_snapshot()) then
        return v_tick + 1;
    end if;
    return v_tick;
end;
$body$;

comment on function tailrace.covering_tick(text) is
    'the tick at which everything is done that has been committed by now';
