-- pgq_node.create_branch_queue(i_queue_name, i_start_tick)
--
-- Purpose:    the queue of a new branch: only its worker writes events and ticks, and it begins with the tick that the
--             branch starts from.
-- Parameters: i_queue_name  queue
--             i_start_tick  global watermark of the provider
-- Returns:    nothing
-- NULL:       both are needed
-- Calls:      pgq.create_queue, pgq.ticker, pgq.register_consumer_at, pgq_node.lock_ticks
-- Changes:    pgq.queue, pgq.tick, pgq.subscription, pgq.consumer, event tables
-- Raises:     an error when an existing queue has that tick already, or lacks tick 1 when it is the start
--
-- A new queue comes with a tick 1. On the branch it would claim to have all that the root has after its tick 1, while
-- it has nothing before the start: somebody repositioned there would miss events in silence. So it goes.
create or replace function pgq_node.create_branch_queue(i_queue_name text, i_start_tick bigint)
returns void
language plpgsql as $$
declare
    v_is_new boolean;
begin
    v_is_new := pgq.create_queue(i_queue_name) = 1;
    update pgq.queue
       set queue_external_ticker = true,
           queue_disable_insert = true
     where queue_name = i_queue_name;

    if i_start_tick > 1 then
        perform pgq_node.lock_ticks(i_queue_name);
        perform pgq.ticker(i_queue_name, i_start_tick, pg_catalog.now(), 1);
    end if;
    perform pgq.register_consumer_at(i_queue_name, '.global_watermark', i_start_tick);

    if v_is_new then
        delete from pgq.tick t
         using pgq.queue q
         where q.queue_name = i_queue_name
           and t.tick_queue = q.queue_id
           and t.tick_id < i_start_tick;
    end if;
end;
$$;
comment on function pgq_node.create_branch_queue(text, bigint) is 'Internal: queue, first tick and global watermark of a new branch';
