create or replace function tailrace.changes_plan(
    i_queue     text,
    i_consumer  text,
    i_from_tick bigint,
    i_to_tick   bigint,
    i_tables    text[],
    i_marked    text[]
) returns table (
    segment      integer,
    kind         text,
    marked       boolean,
    event_type   text,
    table_name   text,
    relation_id  text,
    row_count    bigint,
    first_id     bigint,
    last_id      bigint,
    event_data   text,
    event_extra2 text,
    event_extra4 text,
    copy_sql     text
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.changes_plan(6)
--
--      Everything a SQL job needs to fetch the changes of a range of events; like
--      tailrace.reading_plan, but every change counts, and their order does not matter.
--
-- Parameters:
--      i_queue, i_consumer     - whose events
--      i_from_tick, i_to_tick  - the range: after the first, up to the second
--      i_tables                - tables whose changes are wanted
--      i_marked                - those of them whose rows are to carry event id, operation, weight, time
--
-- Returns:
--      one row a part, kind being
--        control  a descriptor, or an event that says that changes of such a table went unseen
--        told     rows without a weight of their own were told (deletes, TRUNCATE): only for the
--                 descriptor that they were written with
--        added, removed  rows, all of one weight
--        changed  rows behind their marks
--      For the other columns see tailrace.reading_plan.
--
-- Calls:
--      tailrace.range_sql, tailrace.range_contents, tailrace.changes_sql, tailrace.part_sql
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_source text := tailrace.range_sql(i_queue, i_consumer, i_from_tick, i_to_tick);
    v_mark   constant text := $$ev_id || case ev_type when 'row:O' then ',' || ev_extra4 || ',-1,'
        when 'row:U' then ',U,1,' else ',I,1,' end || ev_time || 'x"'$$;
    v_parts  tailrace.range_part[];
begin
    v_parts := array(select p from tailrace.range_contents(v_source, '{}') as p
        where p.table_name = any (i_tables) and (p.ev_type like 'row:_' or p.ev_type in
            ('tailrace.relation', 'tailrace.untracked', 'tailrace.remove-table')));

    return query
    select 0, 'control', false, p.ev_type, p.table_name, p.relation_id, p.row_count,
        p.first_id, p.last_id, p.ev_data, p.ev_extra2, p.ev_extra4, null
    from pg_catalog.unnest(v_parts) as p
    where p.ev_type not like 'row:_'
    union all
    select 0, 'told', false, p.ev_type, p.table_name, p.relation_id, 0, p.first_id, p.last_id, null, null, null, null
    from pg_catalog.unnest(v_parts) as p
    where p.ev_type in ('row:D', 'row:T')
    union all
    select 0, g.kind, g.is_marked, null, g.table_name, g.relation_id, g.row_count, g.first_id, g.last_id,
        null, null, null,
        'copy (' || tailrace.part_sql(tailrace.changes_sql(v_source), g.table_name, g.relation_id, g.types, g.is_marked,
            g.first_id - 1, g.last_id, g.events, g.bytes, g.largest, v_mark) || ') to stdout (format binary)'
    from (
        select case when p.table_name = any (i_marked) then 'changed' when p.ev_type = 'row:O' then 'removed'
                else 'added' end as kind,
            p.table_name = any (i_marked) as is_marked, p.table_name, p.relation_id,
            pg_catalog.array_agg(p.ev_type) as types, pg_catalog.sum(p.events)::bigint as events,
            pg_catalog.sum(p.row_count)::bigint as row_count, pg_catalog.sum(p.bytes)::bigint as bytes,
            pg_catalog.max(p.largest) as largest, pg_catalog.min(p.first_id) as first_id,
            pg_catalog.max(p.last_id) as last_id
        from pg_catalog.unnest(v_parts) as p
        where p.ev_type in ('row:I', 'row:U', 'row:O')
        group by 1, 2, 3, 4
    ) as g
    order by 2 desc, 5, 6;
end;
$body$;

comment on function tailrace.changes_plan(text, text, bigint, bigint, text[], text[]) is
    'how the changes of a range of events are fetched';
