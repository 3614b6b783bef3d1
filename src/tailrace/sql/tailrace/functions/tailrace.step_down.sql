create or replace function tailrace.step_down(
    i_queue    text,
    i_provider text,
    i_location text
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.step_down(3)
--
--      Make an old root, whose place another node has taken while it was away, a branch that is
--      paused, in one transaction: its worker must not begin to read before what it has too much
--      is gone. A node that is a branch already is only paused, and gets the tick that its worker
--      may have left out, so that all its events lie before a tick.
--
-- Parameters:
--      i_queue     - queue
--      i_provider  - node with the gravestone, which it will read from
--      i_location  - where that one is, if this node has never heard of it
--
-- Returns:
--      demoted or paused; raises TR004 when the queue has no node here, TR009 on a leaf
--
-- Calls:
--      pgq_node.demote_root, pgq_node.make_missing_tick, pgq_node.set_consumer_paused
-- Tables directly manipulated:
--      insert - pgq_node.node_location
-- ----------------------------------------------------------------------
declare
    v_node pgq_node.node_info%rowtype;
    v_done text := 'paused';
begin
    select n.* into v_node from pgq_node.node_info as n where n.queue_name = i_queue for no key update;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('queue "%s" has no node in database "%s"',
                i_queue, pg_catalog.current_database());
    end if;
    if v_node.node_type = 'leaf' then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('node "%s" of queue "%s" is a leaf and has no events of its own',
                v_node.node_name, i_queue);
    end if;

    if v_node.node_type = 'root' then
        -- not by register_location: it would write an event, and writing is over here
        insert into pgq_node.node_location (queue_name, node_name, node_location)
        values (i_queue, i_provider, i_location)
        on conflict (queue_name, node_name) do nothing;
        perform pgq_node.demote_root(i_queue, 3, i_provider);
        v_done := 'demoted';
    else
        perform pgq_node.make_missing_tick(i_queue, (
            select s.last_tick_id from pgq_node.local_state as s
            where s.queue_name = i_queue and s.consumer_name = v_node.worker_name));
    end if;
    perform pgq_node.set_consumer_paused(i_queue, v_node.worker_name, true);
    return v_done;
end;
$body$;

comment on function tailrace.step_down(text, text, text) is
    'makes an old root a paused branch of the node that took its place';
