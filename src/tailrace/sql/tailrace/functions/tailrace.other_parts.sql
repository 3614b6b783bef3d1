create or replace function tailrace.other_parts(
    i_queue text,
    i_table text
) returns text[]
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.other_parts(2)
--
--      The other queues whose rows come into the same local table, or will.
--
-- Parameters:
--      i_queue  - queue of a leaf that is merged
--      i_table  - global name of the table in that queue
--
-- Returns:
--      names of queues; NULL: there is none
--
-- Calls:
--      tailrace.merge_group
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.array_agg(o.queue_name order by o.queue_name)
    from tailrace.table_info as i
    join tailrace.table_info as o on o.dest_table = i.dest_table and o.queue_name <> i.queue_name
    join tailrace.merge_group(i_queue) as g on g.part_queue = o.queue_name
    where i.queue_name = i_queue and i.table_name = i_table
$body$;

comment on function tailrace.other_parts(text, text) is
    'other queues whose rows come into the same local table';
