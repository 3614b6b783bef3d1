-- pgq_node.lock_watermark(i_queue_name)
--
-- Purpose:    makes "read the consumers, then move the global watermark" and "start a subscriber at the global
--             watermark" wait for each other; otherwise the watermark could pass a subscriber being registered.
-- Parameters: i_queue_name  queue that this node holds (root or branch)
-- Returns:    nothing
-- NULL:       nothing is locked
-- Calls:      nothing
-- Changes:    nothing; locks the subscription row of consumer .global_watermark
create or replace function pgq_node.lock_watermark(i_queue_name text)
returns void
language plpgsql as $$
begin
    perform 1
       from pgq.subscription s
       join pgq.queue q on q.queue_id = s.sub_queue
       join pgq.consumer c on c.co_id = s.sub_consumer
      where q.queue_name = i_queue_name
        and c.co_name = '.global_watermark'
        for update of s;
end;
$$;
comment on function pgq_node.lock_watermark(text) is
    'Internal: serialises moving the global watermark and registering a subscriber at it';
