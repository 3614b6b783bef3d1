-- pgq_node.unregister_location(i_queue_name, i_node_name)
--
-- Purpose:    removes a member from the tree of a queue. A registration as subscriber that it may have left here goes
--             first. On the root the other nodes are told by an event, also when nothing was known here, since another
--             node may still know it.
-- Parameters: i_queue_name  cascaded queue
--             i_node_name   member
-- Returns:    ret_code 200; 301 not known; 403 it is this node or a consumer here reads from it; ret_note
-- NULL:       not known
-- Calls:      pgq_node.unregister_subscriber, pgq.insert_event
-- Changes:    pgq_node.node_location, pgq_node.subscriber_info, pgq.subscription, pgq.consumer;
--             root: event pgq.unregister-location
create or replace function pgq_node.unregister_location(
    in  i_queue_name text,
    in  i_node_name  text,
    out ret_code     integer,
    out ret_note     text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_node     pgq_node.node_info%rowtype;
    v_consumer text;
begin
    select n.* into v_node from pgq_node.node_info n where n.queue_name = i_queue_name;
    if v_node.node_name = i_node_name then
        ret_code := 403;
        ret_note := pg_catalog.format('node "%s" is this node; drop it with pgq_node.drop_node', i_node_name);
        return;
    end if;
    select s.consumer_name into v_consumer
      from pgq_node.local_state s
     where s.queue_name = i_queue_name
       and s.provider_node = i_node_name
     order by s.consumer_name
     limit 1;
    if found then
        ret_code := 403;
        ret_note := pg_catalog.format('consumer "%s" here reads from node "%s"; change its provider first',
                                      v_consumer, i_node_name);
        return;
    end if;

    perform 1 from pgq_node.unregister_subscriber(i_queue_name, i_node_name);
    delete from pgq_node.node_location l
     where l.queue_name = i_queue_name
       and l.node_name = i_node_name;
    if found then
        ret_code := 200;
        ret_note := pg_catalog.format('location of node "%s" is removed', i_node_name);
    else
        ret_code := 301;
        ret_note := pg_catalog.format('queue "%s" has no location of a node "%s"', i_queue_name, i_node_name);
    end if;

    if v_node.node_type = 'root' then
        perform pgq.insert_event(i_queue_name, 'pgq.unregister-location', i_node_name, i_queue_name, null, null, null);
    end if;
end;
$$;
comment on function pgq_node.unregister_location(text, text) is
    'Removes a member of the tree; the root tells the others';
