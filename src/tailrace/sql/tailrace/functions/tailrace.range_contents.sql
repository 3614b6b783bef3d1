create or replace function tailrace.range_contents(
    i_source text,
    i_cuts   bigint[]
) returns setof tailrace.range_part
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.range_contents(2)
--
--      What a range of events holds, in one pass: row events counted by segment, table,
--      descriptor and type, and every other event in full, one row each.
--
-- Parameters:
--      i_source  - text of the event query (see tailrace.range_sql)
--      i_cuts    - ascending event ids at which a new segment begins; empty: one segment
--
-- Returns:
--      rows of tailrace.range_part, in no particular order
--
-- Calls:
--      the text that was passed
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_segment text := '0';
begin
    if pg_catalog.cardinality(i_cuts) > 0 then
        v_segment := pg_catalog.format('pg_catalog.width_bucket(ev_id, %L::bigint[])', i_cuts);
    end if;
    -- offset: the rows are left behind before anything is sorted, which would carry them to the disk.
    return query execute pg_catalog.format($sql$
        select %s, ev_type, ev_extra1, ev_extra3,
            pg_catalog.count(*),
            pg_catalog.sum(row_count)::bigint,
            coalesce(pg_catalog.sum(bytes), 0)::bigint,
            coalesce(pg_catalog.max(bytes), 0),
            pg_catalog.min(ev_id), pg_catalog.max(ev_id),
            pg_catalog.min(alone_data), pg_catalog.min(alone_extra2), pg_catalog.min(alone_extra4)
        from (
            select ev_id, ev_type, ev_extra1, ev_extra3, pg_catalog.octet_length(ev_data) as bytes,
                case when k.is_row then coalesce(ev_extra2::integer, 1) else 1 end as row_count,
                case when not k.is_row then ev_id end as alone_id,
                case when not k.is_row then ev_data end as alone_data,
                case when not k.is_row then ev_extra2 end as alone_extra2,
                case when not k.is_row then ev_extra4 end as alone_extra4
            from (%s) as source
            cross join lateral (select ev_type like 'row:%%' as is_row) as k
            offset 0
        ) as ev
        group by 1, 2, 3, 4, alone_id
        $sql$, v_segment, i_source);
end;
$body$;

comment on function tailrace.range_contents(text, bigint[]) is
    'what a range of events holds: counts by table, descriptor and type; other events in full';
