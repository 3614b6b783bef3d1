create or replace function tailrace.held_position(i_queue text)
returns bigint
language sql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.held_position(1)
--
--      Position of this node's applying consumer when no batch is under
--      way. Any batch that starts after a hold was committed sees it, so
--      after this call the hold is known.
--
-- Parameters:
--      i_queue     queue
-- Returns:
--      tick; NULL when the node has no applying consumer
-- Calls:
--      tailrace.applying_consumer
-- Tables changed:
--      none (the position's row is locked)
-- ----------------------------------------------------------------------
    select s.last_tick_id
      from pgq_node.local_state s
     where s.queue_name = i_queue and s.consumer_name = tailrace.applying_consumer(i_queue)
       for update
$$;

comment on function tailrace.held_position(text) is
    'position of this node''s applying consumer when no batch is under way';
