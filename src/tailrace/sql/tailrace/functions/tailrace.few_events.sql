create or replace function tailrace.few_events(
    i_source text,
    i_most   integer
) returns pgq.event_template[]
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.few_events(2)
--
--      The events of a range at once, where they are few. What a small range costs is the number
--      of statements and round trips, not the events.
--
-- Parameters:
--      i_source  - text of the event query (see tailrace.range_sql)
--      i_most    - at most this many events
--
-- Returns:
--      the events; an empty array: there are none; NULL: more, or more than 64 kB of payload
--
-- Calls:
--      the text that was passed
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_events pgq.event_template[];
begin
    execute pg_catalog.format(
        'select case when pg_catalog.count(*) <= $1'
        ' and coalesce(pg_catalog.sum(pg_catalog.octet_length(e.ev_data)), 0) <= 65536'
        ' then coalesce(pg_catalog.array_agg((e.ev_id, e.ev_time, null, null, null, e.ev_type, e.ev_data,'
        ' e.ev_extra1, e.ev_extra2, e.ev_extra3, e.ev_extra4)::pgq.event_template), ''{}'') end from (%s) as e',
        i_source)
    into v_events using i_most;
    return v_events;
end;
$body$;

comment on function tailrace.few_events(text, integer) is
    'the events of a range at once, where they are few';
