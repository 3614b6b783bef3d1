-- pgq_node.make_missing_tick(i_queue_name, i_completed_tick)
--
-- Purpose:    a worker commits the events of a batch first and makes the branch's tick after; one that died in between
--             leaves events above the newest tick. This makes that tick, so that a promoted branch does not put those
--             events and its own new ones under one tick id that means less elsewhere.
-- Parameters: i_queue_name      queue of a branch
--             i_completed_tick  the worker's completed tick
-- Returns:    newest tick afterwards
-- NULL:       a NULL tick changes nothing
-- Calls:      pgq_node.lock_ticks, pgq_node.queue_top
-- Changes:    pgq.tick; notifies tailrace_tick
--
-- The event sequence value of the tick is the highest event id of the batch, read from the data: what the worker had
-- in memory is gone.
create or replace function pgq_node.make_missing_tick(i_queue_name text, i_completed_tick bigint)
returns bigint
language plpgsql as $$
declare
    v_queue  pgq.queue%rowtype;
    v_top    pgq.tick%rowtype;
    v_max_id bigint;
begin
    perform pgq_node.lock_ticks(i_queue_name);

    select q.* into v_queue from pgq.queue q where q.queue_name = i_queue_name;
    select t.* into v_top
      from pgq.tick t
     where t.tick_queue = v_queue.queue_id
     order by t.tick_id desc
     limit 1;
    if i_completed_tick is null or i_completed_tick <= v_top.tick_id then
        return v_top.tick_id;
    end if;

    -- The index on ev_txid limits this to events since the newest tick.
    execute pg_catalog.format('select max(e.ev_id) from %s e where e.ev_txid >= $1',
                              pgq.quote_fqname(v_queue.queue_data_pfx))
       into v_max_id
      using pg_catalog.txid_snapshot_xmin(v_top.tick_snapshot);

    insert into pgq.tick (tick_queue, tick_id, tick_time, tick_snapshot, tick_event_seq)
    values (v_queue.queue_id, i_completed_tick, pg_catalog.clock_timestamp(), pg_catalog.txid_current_snapshot(),
            greatest(v_max_id, v_top.tick_event_seq));
    perform pg_catalog.pg_notify('tailrace_tick', i_queue_name);
    return i_completed_tick;
end;
$$;
comment on function pgq_node.make_missing_tick(text, bigint) is
    'Internal: makes the tick of a batch that the worker has committed but not ticked';
