-- pgq_node.is_leaf_node(i_queue_name)
--
-- Purpose:    tells whether this database is a leaf of a cascaded queue: no queue is held here.
-- Parameters: i_queue_name  cascaded queue
-- Returns:    true or false
-- NULL:       a NULL queue is not here, an error
-- Calls:      nothing
-- Changes:    nothing
-- Raises:     TR004 when the queue has no node here
create or replace function pgq_node.is_leaf_node(i_queue_name text)
returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_type text;
begin
    select n.node_type into v_type
      from pgq_node.node_info n
     where n.queue_name = i_queue_name;
    if not found then
        raise exception 'queue "%" has no node in database "%"', i_queue_name, pg_catalog.current_database()
            using errcode = 'TR004',
                  hint = 'Create one with tailrace create-root, create-branch or create-leaf.';
    end if;
    return v_type = 'leaf';
end;
$$;
comment on function pgq_node.is_leaf_node(text) is 'Is this database a leaf of the queue? Error when it has no node of it';
