-- pgq_node.register_consumer(i_queue_name, i_consumer_name, i_provider_node, i_custom_tick_id)
--
-- Purpose:    gives a consumer that writes into this node a place for its position and state. It is not registered on
--             the provider's queue by this.
-- Parameters: i_queue_name      cascaded queue
--             i_consumer_name   consumer
--             i_provider_node   node that it reads from
--             i_custom_tick_id  tick that it has completed
-- Returns:    ret_code 200; 201 known already, provider and position are set anew; 404 no node of the queue here;
--             ret_note
-- NULL:       provider and tick are needed
-- Calls:      pgq_node.require_location
-- Changes:    pgq_node.local_state
-- Raises:     TR004 when the provider has no location; TR001 without tick
create or replace function pgq_node.register_consumer(
    in  i_queue_name     text,
    in  i_consumer_name  text,
    in  i_provider_node  text,
    in  i_custom_tick_id bigint,
    out ret_code         integer,
    out ret_note         text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform 1 from pgq_node.node_info n where n.queue_name = i_queue_name;
    if not found then
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no node here', i_queue_name);
        return;
    end if;
    perform pgq_node.require_location(i_queue_name, i_provider_node);
    if i_custom_tick_id is null or i_consumer_name is null then
        raise exception 'consumer "%" of queue "%" cannot be registered without a name and the tick it has completed',
                i_consumer_name, i_queue_name
            using errcode = 'TR001';
    end if;

    update pgq_node.local_state
       set provider_node = i_provider_node,
           last_tick_id = i_custom_tick_id
     where queue_name = i_queue_name
       and consumer_name = i_consumer_name;
    if found then
        ret_code := 201;
        ret_note := pg_catalog.format('consumer "%s" was registered already, now at tick %s of node "%s"',
                                      i_consumer_name, i_custom_tick_id, i_provider_node);
        return;
    end if;

    insert into pgq_node.local_state (queue_name, consumer_name, provider_node, last_tick_id)
    values (i_queue_name, i_consumer_name, i_provider_node, i_custom_tick_id);
    ret_code := 200;
    ret_note := pg_catalog.format('consumer "%s" is registered', i_consumer_name);
end;
$$;
comment on function pgq_node.register_consumer(text, text, text, bigint) is
    'Gives a consumer that writes into this node a position and state';
