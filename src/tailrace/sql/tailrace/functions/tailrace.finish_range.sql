create or replace function tailrace.finish_range(
    i_queue    text,
    i_consumer text,
    i_tick     bigint
) returns integer
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.finish_range(3)
--
--      Tell the queue that a consumer's own database has completed everything up to a tick, so
--      that the events may go. Never moves back; drops a batch that another client left open.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer subscribed to it
--      i_tick      - tick that is done
--
-- Returns:
--      1 - position moved
--      0 - it was there already
--      Raises TR004 when the consumer is not subscribed, TR020 when the tick is gone.
--
-- Calls:
--      tailrace.raise_not_registered, tailrace.raise_lost_position
-- Tables directly manipulated:
--      update - pgq.subscription
-- ----------------------------------------------------------------------
declare
    v_queue_id    integer;
    v_consumer_id integer;
    v_last_tick   bigint;
    v_batch       bigint;
begin
    select s.sub_queue, s.sub_consumer, s.sub_last_tick, s.sub_batch
    into v_queue_id, v_consumer_id, v_last_tick, v_batch
    from pgq.subscription as s
    join pgq.queue as q on q.queue_id = s.sub_queue
    join pgq.consumer as c on c.co_id = s.sub_consumer
    where q.queue_name = i_queue and c.co_name = i_consumer
    for no key update of s;
    if not found then
        perform tailrace.raise_not_registered(i_queue, i_consumer);
    end if;
    if v_last_tick >= i_tick and v_batch is null then
        return 0;
    end if;

    -- rotation looks the tick up, so a position must never name one that does not exist
    perform 1 from pgq.tick as t where t.tick_queue = v_queue_id and t.tick_id = i_tick;
    if not found then
        perform tailrace.raise_lost_position(i_queue, i_consumer, i_tick);
    end if;

    update pgq.subscription as s
    set sub_last_tick = greatest(s.sub_last_tick, i_tick),
        sub_next_tick = null,
        sub_batch = null,
        sub_active = pg_catalog.now()
    where s.sub_queue = v_queue_id and s.sub_consumer = v_consumer_id;
    return 1;
end;
$body$;

comment on function tailrace.finish_range(text, text, bigint) is
    'lets a queue forget what a consumer has completed in its own database';
