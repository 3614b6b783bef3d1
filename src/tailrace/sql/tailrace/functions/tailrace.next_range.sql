create or replace function tailrace.next_range(
    i_queue      text,
    i_consumer   text,
    i_position   bigint,
    i_max_events integer,
    i_stop_tick  bigint,
    out to_tick           bigint,
    out to_tick_time      timestamptz,
    out to_event_seq      bigint,
    out events            bigint,
    out newest_tick       bigint,
    out newest_tick_time  timestamptz,
    out newest_event_seq  bigint
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.next_range(5)
--
--      Choose what a cascaded consumer reads next: the events after the tick that its own
--      database says is done, up to the tick returned. Runs on the provider and writes nothing;
--      the subscription here only keeps the events from being rotated away.
--
-- Parameters:
--      i_queue       - queue
--      i_consumer    - consumer subscribed to it
--      i_position    - last tick that the consumer's own database has completed
--      i_max_events  - merge ticks up to about this many events; 0 or NULL: exactly the next tick
--      i_stop_tick   - go no further than this tick; NULL: no such limit
--
-- Returns:
--      to_tick, to_tick_time, to_event_seq  - where the range ends; NULL: nothing to read
--      events                               - difference of event ids: an estimate, no more
--      newest_tick, newest_tick_time, newest_event_seq - where the queue stands
--
-- Calls:
--      tailrace.reading_place
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_place      record;
    v_limit_seq  bigint;
    v_first_over bigint;
begin
    v_place := tailrace.reading_place(i_queue, i_consumer, i_position);

    select t.tick_id, t.tick_time, t.tick_event_seq
    into newest_tick, newest_tick_time, newest_event_seq
    from pgq.tick as t
    where t.tick_queue = v_place.queue_id
    order by t.tick_id desc
    limit 1;

    -- the first tick that would make the range too long; the one before it is the end
    v_limit_seq := v_place.event_seq + coalesce(nullif(i_max_events, 0), -1);
    if i_max_events > 0 and newest_event_seq <= v_limit_seq then
        v_first_over := null;
    else
        select t.tick_id into v_first_over
        from pgq.tick as t
        where t.tick_queue = v_place.queue_id and t.tick_id > i_position and t.tick_event_seq > v_limit_seq
        order by t.tick_id
        limit 1;
    end if;

    select t.tick_id, t.tick_time, t.tick_event_seq
    into to_tick, to_tick_time, to_event_seq
    from pgq.tick as t
    where t.tick_queue = v_place.queue_id
        and t.tick_id > i_position
        and (v_first_over is null or t.tick_id < v_first_over)
        and (i_stop_tick is null or t.tick_id <= i_stop_tick)
    order by t.tick_id desc
    limit 1;

    if not found then
        -- not even the next tick fits, and a range has at least one
        select t.tick_id, t.tick_time, t.tick_event_seq
        into to_tick, to_tick_time, to_event_seq
        from pgq.tick as t
        where t.tick_queue = v_place.queue_id
            and t.tick_id > i_position
            and (i_stop_tick is null or t.tick_id <= i_stop_tick)
        order by t.tick_id
        limit 1;
    end if;
    events := to_event_seq - v_place.event_seq;
end;
$body$;

comment on function tailrace.next_range(text, text, bigint, integer, bigint) is
    'the ticks a consumer reads next, merged up to a number of events';
