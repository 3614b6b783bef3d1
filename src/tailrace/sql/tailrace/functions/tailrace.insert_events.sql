create or replace function tailrace.insert_events(
    i_queue  text,
    i_types  text[],
    i_data   text[],
    i_extra1 text[],
    i_extra2 text[],
    i_extra3 text[],
    i_extra4 text[]
) returns setof bigint
language sql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.insert_events(7)
--
--      Insert many events into a queue at once, in their order.
--
-- Parameters:
--      i_queue              - queue
--      i_types, i_data, ... - ev_type, ev_data and ev_extra1 to 4 of each event; equally long
--
-- Returns:
--      the id of each event, in the same order; raises as pgq.insert_event does
--
-- Calls:
--      pgq.insert_event
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pgq.insert_event(i_queue, e.type, e.data, e.extra1, e.extra2, e.extra3, e.extra4)
    from rows from (
        pg_catalog.unnest(i_types), pg_catalog.unnest(i_data), pg_catalog.unnest(i_extra1),
        pg_catalog.unnest(i_extra2), pg_catalog.unnest(i_extra3), pg_catalog.unnest(i_extra4)
    ) as e (type, data, extra1, extra2, extra3, extra4);
$body$;

comment on function tailrace.insert_events(text, text[], text[], text[], text[], text[], text[]) is
    'inserts many events into a queue at once';
