-- pgq_node.consumer_position(i_queue_name, i_consumer_name)
--
-- Purpose:    where a consumer of the local copy of a queue stands.
-- Parameters: i_queue_name     queue
--             i_consumer_name  consumer
-- Returns:    the tick it has finished last
-- NULL:       result is NULL when it is not subscribed here
-- Calls:      nothing
-- Changes:    nothing
create or replace function pgq_node.consumer_position(i_queue_name text, i_consumer_name text)
returns bigint
language sql stable as $$
    select s.sub_last_tick
      from pgq.queue q
      join pgq.subscription s on s.sub_queue = q.queue_id
      join pgq.consumer c on c.co_id = s.sub_consumer
     where q.queue_name = i_queue_name
       and c.co_name = i_consumer_name
$$;
comment on function pgq_node.consumer_position(text, text) is
    'Internal: last finished tick of a consumer of the local copy of the queue';
