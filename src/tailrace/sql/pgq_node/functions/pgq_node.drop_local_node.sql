-- pgq_node.drop_local_node(i_queue_name, i_node_name)
--
-- Purpose:    removes everything that this database has of a cascaded queue, but for the location of the named node.
-- Parameters: i_queue_name  cascaded queue
--             i_node_name   node whose location the caller removes
-- Returns:    nothing
-- NULL:       a NULL node removes no location
-- Calls:      pgq_node.unregister_subscriber, pgq.drop_queue
-- Changes:    pgq_node.subscriber_info, pgq_node.local_state, pgq_node.node_info, pgq_node.node_location;
--             the local queue with its consumers and events
create or replace function pgq_node.drop_local_node(i_queue_name text, i_node_name text)
returns void
language plpgsql as $$
begin
    perform pgq_node.unregister_subscriber(s.queue_name, s.subscriber_node)
       from pgq_node.subscriber_info s
      where s.queue_name = i_queue_name;
    delete from pgq_node.local_state s where s.queue_name = i_queue_name;
    delete from pgq_node.node_info n where n.queue_name = i_queue_name;

    if exists (select 1 from pgq.queue q where q.queue_name = i_queue_name) then
        perform pgq.drop_queue(i_queue_name, true);
    end if;
    delete from pgq_node.node_location l
     where l.queue_name = i_queue_name
       and l.node_name <> i_node_name;
end;
$$;
comment on function pgq_node.drop_local_node(text, text) is 'Internal: removes all that this database has of a cascaded queue';
