create or replace function tailrace.release_pin(
    i_queue        text,
    i_savepoint_id text,
    out provider_node     text,
    out provider_location text
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.release_pin(2)
--
--      Let go of the events of a savepoint, where this node's own queue holds them. Where another
--      node does, say which: the caller lets go there, and then calls tailrace.forget_pin.
--
-- Parameters:
--      i_queue         - queue
--      i_savepoint_id  - id of the savepoint
--
-- Returns:
--      provider_node, provider_location - who still holds them; NULL: nobody, or nobody who could
--                                         be asked, as the set does not know the node any more
--
-- Calls:
--      pgq.unregister_consumer, pgq_node.unregister_consumer
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_pin constant text := '.savepoint.' || i_savepoint_id;
begin
    select p.provider_node, l.node_location into provider_node, provider_location
    from pgq_node.local_state as p
    join pgq_node.node_info as n on n.queue_name = p.queue_name
    join pgq_node.node_location as l on l.queue_name = p.queue_name and l.node_name = p.provider_node
    where p.queue_name = i_queue and p.consumer_name = v_pin
        and p.provider_node <> n.node_name and not l.dead;
    if found then
        return;
    end if;
    if exists (select 1 from pgq.queue as q where q.queue_name = i_queue) then
        perform pgq.unregister_consumer(i_queue, v_pin);
    end if;
    perform pgq_node.unregister_consumer(i_queue, v_pin);
end;
$body$;

comment on function tailrace.release_pin(text, text) is 'lets go of the events of a savepoint, or says who holds them';
