create or replace function tailrace.cascade_events(
    i_queue     text,
    i_consumer  text,
    i_from_tick bigint,
    i_to_tick   bigint
) returns table (
    event_id bigint,
    type     text,
    data     text,
    extra1   text,
    extra2   text,
    extra3   text
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.cascade_events(4)
--
--      The cascade's own events (pgq.*) between two ticks.
--
-- Parameters:
--      i_queue      - queue of this database
--      i_consumer   - consumer subscribed to it
--      i_from_tick  - the range begins after this tick
--      i_to_tick    - the range ends with this tick
--
-- Returns:
--      events in their order
--
-- Calls:
--      tailrace.range_sql
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    return query execute 'select ev_id, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3 from ('
        || tailrace.range_sql(i_queue, i_consumer, i_from_tick, i_to_tick)
        || ') as ev where ev_type like ''pgq.%'' order by ev_id';
end;
$body$;

comment on function tailrace.cascade_events(text, text, bigint, bigint) is
    'the cascade''s own events between two ticks';
