create or replace function tailrace.part_sql(
    i_source      text,
    i_table       text,
    i_relation_id text,
    i_types       text[],
    i_marked      boolean,
    i_after       bigint,
    i_until       bigint,
    i_events      bigint,
    i_bytes       bigint,
    i_largest     integer,
    i_mark        text default null
) returns text
language plpgsql immutable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.part_sql(11)
--
--      Text of the query for row events of one table, many rows in one message, so that
--      the client touches messages and not rows. Where events are large on average, each is a
--      message: they come as they are read, without the sort that putting them together costs.
--      Otherwise messages are bounded by bytes: a thousand events where all are small, and by
--      the running sum of bytes where some are large.
--
-- Parameters:
--      i_source       - text of the event query (see tailrace.range_sql)
--      i_table        - table whose events are wanted
--      i_relation_id  - and the descriptor they were written with
--      i_types        - and their types
--      i_marked       - put 'ev_id,operation' in front of each row, as <id>,Ix"(…) (no value can
--                       hold the joint x"( ); false: rows as they are
--      i_after, i_until              - event ids above the first and up to the second
--      i_events, i_bytes, i_largest  - what is known of these events
--      i_mark         - another mark, an expression that ends in 'x"'; NULL: that one
--
-- Returns:
--      a SELECT of one text column; rows are joined by '"' and a newline
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_row     text := 'ev_data';
    v_mark    text := coalesce(i_mark, $$ev_id || ',' || pg_catalog.right(ev_type, 1) || 'x"'$$);
    v_where   text;
    v_average bigint := i_bytes / greatest(i_events, 1);
    v_rows    integer := 262144 / greatest(i_largest, 1);
    v_chunk   text;
begin
    if i_marked then
        v_row := pg_catalog.format(
            $$%1$s || case when ev_extra2 is null then ev_data
                else pg_catalog.replace(ev_data, E')"\n(', E')"\n' || %1$s || '(') end$$, v_mark);
    end if;
    v_where := pg_catalog.format('ev_extra1 = %L and ev_extra3 = %L and ev_type = any (%L::text[])',
            i_table, i_relation_id, i_types)
        || pg_catalog.format(' and ev_id between %s and %s', i_after + 1, i_until);

    if v_average >= 1024 then
        return pg_catalog.format('select %s from (%s) as ev where %s',
            v_row, i_source, v_where);
    end if;

    v_chunk := case when v_rows >= 64
        then pg_catalog.format('pg_catalog.row_number() over () / %s', least(v_rows, 1000))
        else 'pg_catalog.sum(pg_catalog.octet_length(ev_data)) over (rows unbounded preceding) / 262144' end;
    return pg_catalog.format($sql$
        select pg_catalog.string_agg(%s, E'"\n')
        from (select ev.*, %s as chunk from (%s) as ev where %s) as ev
        group by chunk$sql$, v_row, v_chunk, i_source, v_where);
end;
$body$;

comment on function tailrace.part_sql(
    text, text, text, text[], boolean, bigint, bigint, bigint, bigint, integer, text) is
    'text of the query for row events of one table, packed into large messages';
