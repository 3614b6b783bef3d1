create or replace function tailrace.merge_group(
    i_queue text,
    out part_queue      text,
    out node_name       text,
    out provider_node   text,
    out provider_location text
) returns setof record
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.merge_group(1)
--
--      The queues that are merged in this database into the same queue as this one.
--
-- Parameters:
--      i_queue  - queue of a leaf that is merged
--
-- Returns:
--      a row for each, this one included, by name: its queue, its leaf here, and where that reads;
--      no row: this database has no leaf of the queue, or one that is not merged
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select p.queue_name, p.node_name, s.provider_node, l.node_location
    from pgq_node.node_info as n
    join pgq_node.node_info as p on p.combined_queue = n.combined_queue
    left join pgq_node.local_state as s
        on s.queue_name = p.queue_name and s.consumer_name = p.worker_name
    left join pgq_node.node_location as l
        on l.queue_name = s.queue_name and l.node_name = s.provider_node
    where n.queue_name = i_queue
    order by p.queue_name
$body$;

comment on function tailrace.merge_group(text) is
    'queues that are merged here into the same queue as this one';
