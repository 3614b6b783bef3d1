create or replace function tailrace.hold(
    i_queue  text,
    i_for    text,
    i_length interval
) returns bigint
language sql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.hold(3)
--
--      Ask the applying consumer of this node to stay where it is. It holds
--      for certain when tailrace.held_position has returned.
--
-- Parameters:
--      i_queue     queue
--      i_for       who asks and why, for people
--      i_length    how long at most, unless renewed by tailrace.hold_until
-- Returns:
--      id of the hold
-- Calls:
--      tailrace.applying_consumer
-- Tables changed:
--      tailrace.hold
-- ----------------------------------------------------------------------
    insert into tailrace.hold (queue_name, consumer_name, held_for, expires_at)
    values (i_queue, tailrace.applying_consumer(i_queue), i_for, pg_catalog.clock_timestamp() + i_length)
    returning hold_id
$$;

comment on function tailrace.hold(text, text, interval) is
    'asks the applying consumer of this node to stay where it is';
