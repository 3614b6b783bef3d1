-- pgq_node.drop_node(i_queue_name, i_node_name)
--
-- Purpose:    removes a node. On the node itself everything of the queue goes, the local copy with its events included;
--             on another node, what it keeps for the dropped one. Safe to repeat: each member of the tree is told.
-- Parameters: i_queue_name  cascaded queue
--             i_node_name   node to remove
-- Returns:    ret_code 200, also when nothing is known; 405 a consumer here reads from that node; ret_note
-- NULL:       nothing is known
-- Calls:      pgq_node.drop_local_node, pgq_node.unregister_subscriber, pgq_node.unregister_location
-- Changes:    all tables of pgq_node; the node itself: pgq.drop_queue with all that belongs to it
--
-- A database without a node of the queue counts as the node itself: a queue left behind by a removal that broke off is
-- dropped, too.
create or replace function pgq_node.drop_node(
    in  i_queue_name text,
    in  i_node_name  text,
    out ret_code     integer,
    out ret_note     text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_own      text;
    v_consumer text;
begin
    select n.node_name into v_own from pgq_node.node_info n where n.queue_name = i_queue_name;
    select s.consumer_name into v_consumer
      from pgq_node.local_state s
     where s.queue_name = i_queue_name
       and s.provider_node = i_node_name
     order by s.consumer_name
     limit 1;

    if v_own is null or v_own = i_node_name then
        perform pgq_node.drop_local_node(i_queue_name, i_node_name);
    elsif v_consumer is not null then
        ret_code := 405;
        ret_note := pg_catalog.format('consumer "%s" here reads from node "%s"; change its provider first',
                                      v_consumer, i_node_name);
        return;
    else
        perform 1 from pgq_node.unregister_subscriber(i_queue_name, i_node_name);
    end if;
    perform 1 from pgq_node.unregister_location(i_queue_name, i_node_name);

    ret_code := 200;
    ret_note := pg_catalog.format('node "%s" of queue "%s" is dropped', i_node_name, i_queue_name);
end;
$$;
comment on function pgq_node.drop_node(text, text) is 'Removes a node: all of it on the node itself, what is kept for it elsewhere';
