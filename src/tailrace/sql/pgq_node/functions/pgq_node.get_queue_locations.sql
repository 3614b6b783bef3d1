-- pgq_node.get_queue_locations(i_queue_name)
--
-- Purpose:    the members of the tree of a queue, as this node knows them.
-- Parameters: i_queue_name  cascaded queue
-- Returns:    set of node_name, node_location, dead; by name
-- NULL:       no row
-- Calls:      nothing
-- Changes:    nothing
create or replace function pgq_node.get_queue_locations(
    in  i_queue_name  text,
    out node_name     text,
    out node_location text,
    out dead          boolean)
returns setof record
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select l.node_name, l.node_location, l.dead
      from pgq_node.node_location l
     where l.queue_name = i_queue_name
     order by l.node_name
$$;
comment on function pgq_node.get_queue_locations(text) is 'Members of the tree as this node knows them';
