create or replace function tailrace.reopen_root(
    i_queue text,
    out ret_code integer,
    out ret_note text
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.reopen_root(1)
--
--      Take back steps 1 and 2 of a demotion: events may be written again and the local ticker
--      ticks. Right only while no other node has been promoted in the meantime, which the caller
--      has made sure of (see docs/design/switching.md).
--
-- Parameters:
--      i_queue  - queue
--
-- Returns:
--      ret_code 200; 301 this node is no root, nothing was changed; 404 no node here; ret_note
--
-- Tables directly manipulated:
--      update - pgq.queue; notifies tailrace_tick
-- ----------------------------------------------------------------------
declare
    v_node pgq_node.node_info%rowtype;
begin
    select n.* into v_node from pgq_node.node_info as n where n.queue_name = i_queue for no key update;
    if not found then
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no node here', i_queue);
        return;
    end if;
    if v_node.node_type <> 'root' then
        ret_code := 301;
        ret_note := pg_catalog.format('node "%s" is a %s, not a root', v_node.node_name, v_node.node_type);
        return;
    end if;

    update pgq.queue as q
    set queue_disable_insert = false, queue_external_ticker = false
    where q.queue_name = i_queue;
    perform pg_catalog.pg_notify('tailrace_tick', i_queue);
    ret_code := 200;
    ret_note := pg_catalog.format('node "%s" accepts writes again', v_node.node_name);
end;
$body$;

comment on function tailrace.reopen_root(text) is 'takes the first two steps of a demotion back';
