-- pgq_node.require_location(i_queue_name, i_node_name)
--
-- Purpose:    says clearly that a node is not a member, before a foreign key would say it badly.
-- Parameters: i_queue_name  cascaded queue
--             i_node_name   node that must have a location here
-- Returns:    nothing
-- NULL:       a NULL node is an error, too
-- Calls:      nothing
-- Changes:    nothing
-- Raises:     TR004 when the location is not registered; TR001 when no node is named
create or replace function pgq_node.require_location(i_queue_name text, i_node_name text)
returns void
language plpgsql as $$
begin
    if i_node_name is null then
        raise exception 'no node is named for queue "%", a registered one is needed', i_queue_name
            using errcode = 'TR001';
    end if;
    perform 1
       from pgq_node.node_location l
      where l.queue_name = i_queue_name
        and l.node_name = i_node_name;
    if not found then
        raise exception 'node "%" of queue "%" has no location in database "%"',
                i_node_name, i_queue_name, pg_catalog.current_database()
            using errcode = 'TR004',
                  hint = 'Register it first with pgq_node.register_location.';
    end if;
end;
$$;
comment on function pgq_node.require_location(text, text) is 'Internal: error when the node is not a registered member';
