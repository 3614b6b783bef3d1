-- pgq_node.change_consumer_provider(i_queue_name, i_consumer_name, i_new_provider)
--
-- Purpose:    tells a consumer that writes into this node to read from another node. Tick ids mean the same there, so
--             its position stays. The registrations on the two providers are not touched.
-- Parameters: i_queue_name     cascaded queue
--             i_consumer_name  consumer
--             i_new_provider   node to read from
-- Returns:    ret_code 200; 404 consumer or location of the node not known; ret_note
-- NULL:       not known
-- Calls:      nothing
-- Changes:    pgq_node.local_state; uptodate is cleared; notifies tailrace_tick, for idle workers
create or replace function pgq_node.change_consumer_provider(
    in  i_queue_name    text,
    in  i_consumer_name text,
    in  i_new_provider  text,
    out ret_code        integer,
    out ret_note        text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform 1
       from pgq_node.node_location l
      where l.queue_name = i_queue_name
        and l.node_name = i_new_provider;
    if not found then
        ret_code := 404;
        ret_note := pg_catalog.format('node "%s" of queue "%s" has no location here', i_new_provider, i_queue_name);
        return;
    end if;

    update pgq_node.local_state
       set provider_node = i_new_provider,
           uptodate = false
     where queue_name = i_queue_name
       and consumer_name = i_consumer_name;
    if found then
        perform pg_catalog.pg_notify('tailrace_tick', i_queue_name);
        ret_code := 200;
        ret_note := pg_catalog.format('consumer "%s" is to read from node "%s"', i_consumer_name, i_new_provider);
    else
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no consumer "%s" here', i_queue_name, i_consumer_name);
    end if;
end;
$$;
comment on function pgq_node.change_consumer_provider(text, text, text) is
    'Tells a consumer that writes into this node to read from another node';
