-- pgq_node.set_node_attrs(i_queue_name, i_node_attrs)
--
-- Purpose:    stores the attributes of this node, all of them: what was there before is replaced.
-- Parameters: i_queue_name  cascaded queue
--             i_node_attrs  URL-encoded dictionary, such as sync_watermark=node4%2cnode5
-- Returns:    ret_code 200, or 404 when the queue has no node here; ret_note
-- NULL:       NULL attributes clear them
-- Calls:      nothing
-- Changes:    pgq_node.node_info
create or replace function pgq_node.set_node_attrs(
    in  i_queue_name text,
    in  i_node_attrs text,
    out ret_code     integer,
    out ret_note     text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    update pgq_node.node_info
       set node_attrs = i_node_attrs
     where queue_name = i_queue_name;
    if found then
        ret_code := 200;
        ret_note := pg_catalog.format('attributes of the node of queue "%s" are set', i_queue_name);
    else
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no node here', i_queue_name);
    end if;
end;
$$;
comment on function pgq_node.set_node_attrs(text, text) is 'Replaces the attributes of this node';
