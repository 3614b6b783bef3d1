-- pgq_node.maint_watermark(i_queue_name)
--
-- Purpose:    publishes the global watermark from the maintenance of the queue, in case the root's worker does not: at
--             five minutes of lag or more.
-- Parameters: i_queue_name  queue, cascaded or not
-- Returns:    0, so that maintenance does not call it again at once
-- NULL:       nothing is done
-- Calls:      pgq_node.set_global_watermark
-- Changes:    root: as pgq_node.set_global_watermark
create or replace function pgq_node.maint_watermark(i_queue_name text)
returns integer
language plpgsql as $$
begin
    perform 1
       from pgq_node.node_info n
       join pgq.queue q on q.queue_name = n.queue_name
       join pgq.subscription s on s.sub_queue = q.queue_id
       join pgq.consumer c on c.co_id = s.sub_consumer
       join pgq.tick t on t.tick_queue = s.sub_queue and t.tick_id = s.sub_last_tick
      where n.queue_name = i_queue_name
        and n.node_type = 'root'
        and c.co_name = '.global_watermark'
        and pg_catalog.now() - t.tick_time >= '5 minutes'::interval;
    if found then
        perform 1 from pgq_node.set_global_watermark(i_queue_name, null);
    end if;
    return 0;
end;
$$;
comment on function pgq_node.maint_watermark(text) is 'Maintenance: publishes the root''s watermark when it is old';
