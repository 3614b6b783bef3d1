-- pgq_node.create_root_queue(i_queue_name)
--
-- Purpose:    the queue of a new root: an existing one is taken over with its events, and nothing before its newest
--             tick is promised to the nodes to come.
-- Parameters: i_queue_name  queue
-- Returns:    tick where the global watermark starts
-- NULL:       the queue is needed
-- Calls:      pgq.create_queue, pgq.register_consumer_at, pgq_node.queue_top
-- Changes:    pgq.queue, pgq.tick, pgq.subscription, pgq.consumer, event tables
create or replace function pgq_node.create_root_queue(i_queue_name text)
returns bigint
language plpgsql as $$
declare
    v_top bigint;
begin
    perform pgq.create_queue(i_queue_name);
    v_top := pgq_node.queue_top(i_queue_name);
    perform pgq.register_consumer_at(i_queue_name, '.global_watermark', v_top);
    return v_top;
end;
$$;
comment on function pgq_node.create_root_queue(text) is 'Internal: queue and global watermark of a new root';
