create or replace function tailrace.complete_ticks(i_queue text)
returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.complete_ticks(1)
--
--      Make the tick that a mirror left out when it died between the commit of a batch and its
--      tick. Its worker would ask the provider for the details; in a failover there is none to ask.
--
-- Parameters:
--      i_queue  - queue of a branch
--
-- Returns:
--      the newest tick then; NULL: no branch here
--
-- Calls:
--      pgq_node.make_missing_tick
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pgq_node.make_missing_tick(i_queue, s.last_tick_id)
    from pgq_node.node_info as n
    join pgq_node.local_state as s on s.queue_name = n.queue_name and s.consumer_name = n.worker_name
    where n.queue_name = i_queue and n.node_type = 'branch';
$body$;

comment on function tailrace.complete_ticks(text) is
    'makes the tick that a mirror left out, when there is no provider to ask';
