-- pgq_node.make_final_tick(i_queue_name)
--
-- Purpose:    the last tick of a root that is being demoted. Writers have been told to stop, and pgq_node.await_writers
--             has waited for those of ours; the lock on the event table does so for writers of the original
--             extension, so that the tick has everything this root will ever have written.
-- Parameters: i_queue_name  queue
-- Returns:    id of the tick
-- NULL:       the queue is needed
-- Calls:      pgq_node.lock_ticks, pgq.quote_fqname
-- Changes:    pgq.tick; takes one value of the tick and of the event sequence; notifies tailrace_tick
--
-- The event table is locked before pgq.tick: the wait for writers may be long and must not stop the ticks of other
-- queues, and rotation takes the two in this order, too.
create or replace function pgq_node.make_final_tick(i_queue_name text)
returns bigint
language plpgsql as $$
declare
    v_queue pgq.queue%rowtype;
    v_tick  bigint;
begin
    select q.* into v_queue from pgq.queue q where q.queue_name = i_queue_name;
    execute pg_catalog.format('lock table %s in exclusive mode', pgq.quote_fqname(v_queue.queue_data_pfx));
    perform pgq_node.lock_ticks(i_queue_name);

    insert into pgq.tick (tick_queue, tick_id, tick_time, tick_snapshot, tick_event_seq)
    values (v_queue.queue_id, pg_catalog.nextval(v_queue.queue_tick_seq), pg_catalog.clock_timestamp(),
            pg_catalog.txid_current_snapshot(), pg_catalog.nextval(v_queue.queue_event_seq))
    returning tick_id into v_tick;
    perform pg_catalog.pg_notify('tailrace_tick', i_queue_name);
    return v_tick;
end;
$$;
comment on function pgq_node.make_final_tick(text) is 'Internal: last tick of a root that is being demoted';
