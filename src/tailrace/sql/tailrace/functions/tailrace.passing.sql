create or replace function tailrace.passing(
    i_queue text
) returns jsonb
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.passing(1)
--
--      How a leaf on a combined root passes row events on, where they are not simply copied. What
--      changes a table of the combined queue has to be in that queue, and nothing else may be:
--      events that are not applied here (yet) are withheld. Tables that the combined queue does
--      not know are its readers' affair.
--
-- Parameters:
--      i_queue  - queue of the leaf
--
-- Returns:
--      an object: by name of the table in this queue, its name in the combined queue, or null to
--      withhold its row events
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select coalesce(pg_catalog.jsonb_object_agg(
        coalesce(i.table_name, c.dest_table),
        case when i.state = 'live' then c.table_name end), '{}')
    from pgq_node.node_info as n
    join tailrace.table_info as c on c.queue_name = n.combined_queue
    left join tailrace.table_info as i on i.queue_name = n.queue_name and i.dest_table = c.dest_table
    where n.queue_name = i_queue
        and (i.table_name, i.state) is distinct from (c.table_name, 'live')
$body$;

comment on function tailrace.passing(text) is
    'which row events a merged leaf withholds from the combined queue, and which it renames';
