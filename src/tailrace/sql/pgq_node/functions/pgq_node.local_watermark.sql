-- pgq_node.local_watermark(i_queue_name)
--
-- Purpose:    the tick that this node and all below it have finished, as far as this node knows: the lowest position
--             of all consumers of the local queue (workers and watermarks of subscribers, plain consumers, gravestones)
--             except the global watermark, which follows this value and must not hold it.
-- Parameters: i_queue_name  queue that this node holds (root or branch)
-- Returns:    tick id; the newest tick when nobody consumes
-- NULL:       result is NULL when the queue is not here
-- Calls:      pgq_node.queue_top
-- Changes:    nothing
create or replace function pgq_node.local_watermark(i_queue_name text)
returns bigint
language sql stable as $$
    select coalesce(min(s.sub_last_tick), pgq_node.queue_top(i_queue_name))
      from pgq.queue q
      join pgq.subscription s on s.sub_queue = q.queue_id
      join pgq.consumer c on c.co_id = s.sub_consumer
     where q.queue_name = i_queue_name
       and c.co_name <> '.global_watermark'
$$;
comment on function pgq_node.local_watermark(text) is
    'Internal: lowest position of the queue''s consumers here, the global watermark left out';
