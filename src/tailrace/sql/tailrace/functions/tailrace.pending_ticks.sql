create or replace function tailrace.pending_ticks(
    i_queue    text,
    i_consumer text,
    i_position bigint,
    i_limit    integer,
    i_at_once  integer,
    out prev_tick  bigint,
    out tick_id    bigint,
    out tick_time  timestamptz,
    out event_seq  bigint,
    out copy_sql   text,
    out events     pgq.event_template[]
) returns setof record
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.pending_ticks(5)
--
--      List the next ticks that a mirror has to make, each with the statement that reads its
--      events. A mirror never merges ticks, so it gets them one by one, but asks once for many.
--      Runs on the provider and writes nothing.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - the mirror
--      i_position  - last tick that the mirror's own database has completed
--      i_limit     - at most this many ticks
--      i_at_once   - ticks of at most this many events (and not too many bytes) come with their
--                    events: a round trip less for each, which is most of what a small one costs
--
-- Returns:
--      a row for each tick in order: tick before it, its id, time and event sequence value, and
--      a COPY TO STDOUT in binary format of ev_id, ev_time, ev_type, ev_data, ev_extra1..4, or
--      these columns of its events themselves, of which there may be none
--
-- Calls:
--      tailrace.reading_place, tailrace.range_sql, tailrace.few_events
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_place    record := tailrace.reading_place(i_queue, i_consumer, i_position);
    v_from_seq bigint := v_place.event_seq;
    v_events   text;
begin
    prev_tick := i_position;
    for tick_id, tick_time, event_seq in
        select t.tick_id, t.tick_time, t.tick_event_seq
        from pgq.tick as t
        where t.tick_queue = v_place.queue_id and t.tick_id > i_position
        order by t.tick_id
        limit i_limit
    loop
        v_events := tailrace.range_sql(i_queue, i_consumer, prev_tick, tick_id);
        copy_sql := pg_catalog.format(
            'copy (select e.ev_id, e.ev_time, e.ev_type, e.ev_data, e.ev_extra1, e.ev_extra2,'
            ' e.ev_extra3, e.ev_extra4 from (%s) as e) to stdout (format binary)', v_events);
        events := null;
        -- ids drawn, an estimate: events of a longer transaction may be more, and are counted then
        if event_seq - v_from_seq <= i_at_once then
            events := tailrace.few_events(v_events, i_at_once);
        end if;
        return next;
        prev_tick := tick_id;
        v_from_seq := event_seq;
    end loop;
end;
$body$;

comment on function tailrace.pending_ticks(text, text, bigint, integer, integer) is
    'the ticks a mirror makes next, each with its events or the statement that reads them';
