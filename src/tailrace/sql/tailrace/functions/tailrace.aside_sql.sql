create or replace function tailrace.aside_sql(
    i_source text,
    i_queue  text,
    i_table  text,
    i_tick   bigint,
    i_from   bigint,
    i_until  bigint
) returns text
language sql immutable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.aside_sql(6)
--
--      Text of the COPY that sends the row events of one table as rows of tailrace.set_aside.
--
-- Parameters:
--      i_source        - text of the event query (see tailrace.range_sql)
--      i_queue         - queue the events come from
--      i_table         - table whose events are wanted
--      i_tick          - tick that ends the range
--      i_from, i_until - first and last event id
--
-- Returns:
--      COPY … TO STDOUT in text format, columns in the order of the table
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.format($sql$copy (
        select %L, %L, %s, ev_id, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4
        from (%s) as ev
        where ev_type like 'row:%%' and ev_extra1 = %L and ev_id between %s and %s) to stdout$sql$,
        i_queue, i_table, i_tick, i_source, i_table, i_from, i_until)
$body$;

comment on function tailrace.aside_sql(text, text, text, bigint, bigint, bigint) is
    'text of the COPY that sends row events of one table as rows of tailrace.set_aside';
