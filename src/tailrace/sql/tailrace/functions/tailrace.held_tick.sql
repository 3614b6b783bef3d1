create or replace function tailrace.held_tick(
    i_queue    text,
    i_consumer text,
    i_tick     bigint,
    i_what     text
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.held_tick(4)
--
--      Let a consumer of this database's queue go back to a tick, if everything after that tick is
--      still here. From then on the consumer itself keeps it.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer; NULL: only look
--      i_tick      - tick
--      i_what      - who needs it, for people
--
-- Returns:
--      nothing; raises TR020 with what is kept when the tick is not
--
-- Calls:
--      pgq.register_consumer_at
-- Tables directly manipulated:
--      lock - pgq.queue
-- ----------------------------------------------------------------------
declare
    v_queue  pgq.queue;
    v_oldest bigint;
    v_newest bigint;
begin
    -- a rotation, which drops ticks together with the events after them, waits for this
    select q.* into v_queue from pgq.queue as q where q.queue_name = i_queue for share;
    perform 1 from pgq.tick as t where t.tick_queue = v_queue.queue_id and t.tick_id = i_tick;
    if not found then
        select pg_catalog.min(t.tick_id), pg_catalog.max(t.tick_id) into v_oldest, v_newest
        from pgq.tick as t
        where t.tick_queue = v_queue.queue_id;
        raise exception using errcode = 'TR020',
            message = pg_catalog.format('%s needs tick %s of queue "%s" in database "%s", which keeps ticks %s to %s',
                i_what, i_tick, i_queue, pg_catalog.current_database(),
                coalesce(v_oldest::text, 'none'), coalesce(v_newest::text, 'none')),
            hint = 'its events are gone, so its rows can seed a node of their own no more; start the job without it, or copy its tables again';
    end if;
    if i_consumer is not null then
        perform pgq.register_consumer_at(i_queue, i_consumer, i_tick);
    end if;
end;
$body$;

comment on function tailrace.held_tick(text, text, bigint, text) is
    'lets a consumer go back to a tick that is still kept';
