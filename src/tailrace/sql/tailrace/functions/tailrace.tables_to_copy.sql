create or replace function tailrace.tables_to_copy(
    i_queue text,
    out table_name      text,
    out dest_table      text,
    out source_node     text,
    out source_location text
) returns setof record
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.tables_to_copy(1)
--
--      Tables of this node that want their first load, the longest waiting
--      first, with the node that the rows come from. A table that is being
--      copied is listed, too: whoever holds its advisory lock copies it,
--      and if nobody does that copy has died. A paused node starts none.
--
-- Parameters:
--      i_queue     queue
-- Returns:
--      tables; location NULL when the set does not know the source node;
--      no row on a root or where the queue has no node
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select i.table_name, i.dest_table, s.node_name, l.node_location
      from pgq_node.node_info n
      join pgq_node.local_state w on w.queue_name = n.queue_name and w.consumer_name = n.worker_name
      join tailrace.table_info i on i.queue_name = n.queue_name
      cross join lateral (select coalesce(i.copy_source, w.provider_node)) s(node_name)
      left join pgq_node.node_location l on l.queue_name = n.queue_name and l.node_name = s.node_name
     where n.queue_name = i_queue and n.node_type <> 'root'
       and i.state in ('pending', 'copying')
       and not w.paused
     order by i.added_at, i.table_name
$$;

comment on function tailrace.tables_to_copy(text) is
    'tables of this node that want their first load, and where the rows come from';
