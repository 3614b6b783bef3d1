create or replace function tailrace.mirror_empty(
    i_queue     text,
    i_consumer  text,
    i_epoch     bigint,
    i_from_tick bigint,
    i_to_tick   bigint,
    i_tick_time timestamptz,
    i_event_seq bigint
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.mirror_empty(7)
--
--      Mirror a tick whose batch holds no event: position and tick may then share a transaction.
--
-- Parameters:
--      i_queue      - queue
--      i_consumer   - the mirror, in this database
--      i_epoch      - what tailrace.take_over returned to this runner
--      i_from_tick  - tick before
--      i_to_tick    - the tick
--      i_tick_time  - its time at the root
--      i_event_seq  - value of the event sequence at the provider's tick
--
-- Returns:
--      nothing
--
-- Calls:
--      tailrace.advance, tailrace.mirror_tick
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    perform tailrace.advance(i_queue, i_consumer, i_epoch, i_from_tick, i_to_tick);
    perform tailrace.mirror_tick(i_queue, i_to_tick, i_tick_time, i_event_seq, 0);
end;
$body$;

comment on function tailrace.mirror_empty(text, text, bigint, bigint, bigint, timestamptz, bigint) is
    'mirrors a tick without events in one transaction';
