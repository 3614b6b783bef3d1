-- pgq_node.get_subscriber_info(i_queue_name)
--
-- Purpose:    the nodes that read the queue from here, and what they have reported.
-- Parameters: i_queue_name  cascaded queue
-- Returns:    set of node_name, worker_name, node_watermark; by name
-- NULL:       no row
-- Calls:      pgq_node.consumer_position
-- Changes:    nothing
create or replace function pgq_node.get_subscriber_info(
    in  i_queue_name   text,
    out node_name      text,
    out worker_name    text,
    out node_watermark bigint)
returns setof record
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select s.subscriber_node, s.worker_name, pgq_node.consumer_position(s.queue_name, s.watermark_name)
      from pgq_node.subscriber_info s
     where s.queue_name = i_queue_name
     order by s.subscriber_node
$$;
comment on function pgq_node.get_subscriber_info(text) is 'Nodes that read from here, with their watermarks';
