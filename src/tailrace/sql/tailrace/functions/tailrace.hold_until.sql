create or replace function tailrace.hold_until(
    i_hold_id bigint,
    i_tick    bigint,
    i_length  interval,
    out position_tick bigint,
    out node_name     text,
    out consumer_name text,
    out paused        boolean,
    out cur_error     text
) returns record
language sql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.hold_until(3)
--
--      Let a held consumer go up to a tick, renew the hold, and look how
--      far the consumer is.
--
-- Parameters:
--      i_hold_id   from tailrace.hold
--      i_tick      tick to go to and wait at; NULL: leave as it is
--      i_length    how long from now at most
-- Returns:
--      position, and what may keep the consumer from moving; NULLs when the
--      hold has expired and was removed
-- Tables changed:
--      tailrace.hold
-- ----------------------------------------------------------------------
    with renewed as (
        update tailrace.hold h
           set tick_id = coalesce(i_tick, h.tick_id),
               expires_at = pg_catalog.clock_timestamp() + i_length
         where h.hold_id = i_hold_id
        returning h.queue_name, h.consumer_name
    )
    select s.last_tick_id, n.node_name, s.consumer_name, s.paused, s.cur_error
      from renewed r
      join pgq_node.node_info n on n.queue_name = r.queue_name
      join pgq_node.local_state s on s.queue_name = r.queue_name and s.consumer_name = r.consumer_name
$$;

comment on function tailrace.hold_until(bigint, bigint, interval) is
    'lets a held consumer go up to a tick, renews the hold, tells the position';
