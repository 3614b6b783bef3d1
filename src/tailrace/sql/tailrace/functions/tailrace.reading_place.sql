create or replace function tailrace.reading_place(
    i_queue    text,
    i_consumer text,
    i_position bigint,
    out queue_id  integer,
    out event_seq bigint
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.reading_place(3)
--
--      Where a cascaded consumer goes on reading: make sure that it is known here, and that what
--      comes after its position is still kept for it.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer subscribed to it
--      i_position  - last tick that the consumer's own database has completed
--
-- Returns:
--      queue_id   - the queue
--      event_seq  - where the event sequence stood at the position
--      Raises TR004 when the consumer is not subscribed, TR020 when the position is gone.
--
-- Calls:
--      tailrace.raise_not_registered, tailrace.raise_lost_position
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_kept bigint;
begin
    select q.queue_id, s.sub_last_tick, t.tick_event_seq
    into queue_id, v_kept, event_seq
    from pgq.queue as q
    join pgq.subscription as s on s.sub_queue = q.queue_id
    join pgq.consumer as c on c.co_id = s.sub_consumer
    left join pgq.tick as t on t.tick_queue = q.queue_id and t.tick_id = i_position
    where q.queue_name = i_queue and c.co_name = i_consumer;
    if not found then
        perform tailrace.raise_not_registered(i_queue, i_consumer);
    end if;
    if event_seq is null or v_kept > i_position then
        perform tailrace.raise_lost_position(i_queue, i_consumer, i_position);
    end if;
end;
$body$;

comment on function tailrace.reading_place(text, text, bigint) is
    'where a cascaded consumer goes on reading, if that is still kept for it';
