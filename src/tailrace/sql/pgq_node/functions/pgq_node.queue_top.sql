-- pgq_node.queue_top(i_queue_name)
--
-- Purpose:    newest tick of the local copy of a queue.
-- Parameters: i_queue_name  queue
-- Returns:    tick id
-- NULL:       result is NULL when there is no such queue here (a leaf, or unknown) or it has no tick
-- Calls:      nothing
-- Changes:    nothing
create or replace function pgq_node.queue_top(i_queue_name text)
returns bigint
language sql stable as $$
    select t.tick_id
      from pgq.queue q
      join pgq.tick t on t.tick_queue = q.queue_id
     where q.queue_name = i_queue_name
     order by t.tick_id desc
     limit 1
$$;
comment on function pgq_node.queue_top(text) is 'Internal: newest tick of the local copy of the queue';
