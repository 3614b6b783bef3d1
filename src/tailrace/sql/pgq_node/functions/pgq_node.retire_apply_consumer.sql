-- pgq_node.retire_apply_consumer(i_queue_name, i_node_name, i_top)
--
-- Purpose:    a branch's tables are fed from its own queue by consumer <node>.apply. On a root tables are written
--             directly, so the consumer has to go at promotion, and only when it has applied everything.
-- Parameters: i_queue_name  queue of a branch that is being promoted
--             i_node_name   this node
--             i_top         newest tick of the queue
-- Returns:    the tick it stands at when that is below i_top (nothing has been changed then), else NULL
-- NULL:       as said
-- Calls:      pgq_node.consumer_position, pgq_node.follow_parts, pgq.unregister_consumer
-- Changes:    pgq_node.local_state, pgq.subscription, pgq.consumer
--
-- The session setting tailrace.promote_anyway = '<queue>' retires it wherever it stands; what it had not applied is
-- then given up in this node's tables; leaves that are merged into the queue here go on behind it.
create or replace function pgq_node.retire_apply_consumer(i_queue_name text, i_node_name text, i_top bigint)
returns bigint
language plpgsql as $$
declare
    v_consumer text := i_node_name || '.apply';
    v_position bigint;
begin
    select least(s.last_tick_id, pgq_node.consumer_position(i_queue_name, v_consumer)) into v_position
      from pgq_node.local_state s
     where s.queue_name = i_queue_name
       and s.consumer_name = v_consumer
       for update;
    if not found then
        return null;
    end if;
    if v_position < i_top
       and pg_catalog.current_setting('tailrace.promote_anyway', true) is distinct from i_queue_name then
        return v_position;
    end if;
    if v_position < i_top then
        perform pgq_node.follow_parts(i_queue_name, v_position);
    end if;

    delete from pgq_node.local_state s
     where s.queue_name = i_queue_name
       and s.consumer_name = v_consumer;
    perform pgq.unregister_consumer(i_queue_name, v_consumer);
    return null;
end;
$$;
comment on function pgq_node.retire_apply_consumer(text, text, bigint) is
    'Internal: unregisters <node>.apply at promotion, or tells where it still stands';
