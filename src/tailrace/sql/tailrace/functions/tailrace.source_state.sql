create or replace function tailrace.source_state(
    i_queue text,
    i_table text,
    out node_name     text,
    out node_type     text,
    out position_tick bigint,
    out table_state   text,
    out local_table   text,
    out expected_rows bigint
) returns record
language plpgsql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.source_state(2)
--
--      What a reader of this node's table must know: read inside the
--      snapshot that the rows are read in, it says which tick they are at.
--
-- Parameters:
--      i_queue     queue
--      i_table     global name of the table; NULL: only the node
-- Returns:
--      position_tick  position of the applying consumer; NULL on a root,
--                     and where there is none (a branch without tables)
--      table_state    state; NULL when the table is not replicated here
--      local_table    its local name
--      expected_rows  planner's estimate; NULL: unknown
-- Calls:
--      tailrace.applying_consumer
-- Raises:
--      TR004 when the queue has no node in this database
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
declare
    v_consumer text := tailrace.applying_consumer(i_queue);
begin
    select n.node_name, n.node_type into node_name, node_type
      from pgq_node.node_info n
     where n.queue_name = i_queue;
    select s.last_tick_id into position_tick
      from pgq_node.local_state s
     where s.queue_name = i_queue and s.consumer_name = v_consumer;
    select i.state, i.dest_table into table_state, local_table
      from tailrace.table_info i
     where i.queue_name = i_queue and i.table_name = i_table;
    -- The estimate of a partitioned table is that of its partitions.
    select sum(c.reltuples)::bigint into expected_rows
      from pg_catalog.pg_class c
     where c.relkind = 'r' and c.reltuples >= 0
       and c.oid in (select tailrace.table_oid(local_table)::oid union all
                     select p.relid from pg_catalog.pg_partition_tree(tailrace.table_oid(local_table)) p);
end;
$$;

comment on function tailrace.source_state(text, text) is
    'what a reader of this node''s tables must know: its position and the state of a table';
