-- pgq_node.unregister_consumer(i_queue_name, i_consumer_name)
--
-- Purpose:    forgets position and state of a consumer that wrote into this node.
-- Parameters: i_queue_name     cascaded queue
--             i_consumer_name  consumer
-- Returns:    ret_code 200, also when it was not known; 404 no node of the queue here; ret_note
-- NULL:       not known
-- Calls:      nothing
-- Changes:    pgq_node.local_state
create or replace function pgq_node.unregister_consumer(
    in  i_queue_name    text,
    in  i_consumer_name text,
    out ret_code        integer,
    out ret_note        text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform 1 from pgq_node.node_info n where n.queue_name = i_queue_name;
    if not found then
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no node here', i_queue_name);
        return;
    end if;
    delete from pgq_node.local_state s
     where s.queue_name = i_queue_name
       and s.consumer_name = i_consumer_name;
    ret_code := 200;
    ret_note := pg_catalog.format('consumer "%s" is not registered any more', i_consumer_name);
end;
$$;
comment on function pgq_node.unregister_consumer(text, text) is 'Forgets position and state of a consumer';
