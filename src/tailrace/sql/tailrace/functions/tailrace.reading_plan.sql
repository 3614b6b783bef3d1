create or replace function tailrace.reading_plan(
    i_queue     text,
    i_consumer  text,
    i_from_tick bigint,
    i_to_tick   bigint,
    i_source    text,
    i_apply     text[],
    i_aside     text[]
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
-- Function: tailrace.reading_plan(7)
--
--      Everything a reader needs to fetch a range of events, in the order in which it is to be
--      fetched and applied. One round trip; the events themselves come by the COPY texts.
--
-- Parameters:
--      i_queue, i_consumer     - whose events
--      i_from_tick, i_to_tick  - the range: after the first, up to the second
--      i_source                - text of another query with the same columns; NULL: the queue's
--      i_apply                 - tables whose rows are applied
--      i_aside                 - tables whose events are only kept for later
--
-- Returns:
--      one row a part, kind being
--        control   an event that is no row event, in full (event_extra1 is table_name,
--                  event_extra3 relation_id); it comes before all parts of its segment
--        truncate  the table was truncated: earlier rows of the segment are left out
--        delete    keys that vanish
--        insert, update, write - new rows, where the events of this table only insert, only
--                  update, or do several things
--                  marked: the rows of the part carry event id and operation
--        aside     row events as rows of tailrace.set_aside
--      Row events of other tables are left out.
--
-- Calls:
--      tailrace.range_sql, tailrace.range_contents, tailrace.range_cuts, tailrace.part_sql,
--      tailrace.aside_sql
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_source text := coalesce(i_source,
        tailrace.range_sql(i_queue, i_consumer, i_from_tick, i_to_tick));
    v_parts  tailrace.range_part[];
    v_cuts   bigint[];
begin
    v_parts := array(select p from tailrace.range_contents(v_source, '{}') as p
        where p.ev_type not like 'row:_' or p.table_name = any (i_apply || i_aside));
    v_cuts := tailrace.range_cuts(v_source, v_parts);
    if v_cuts is not null then
        v_parts := array(select p from tailrace.range_contents(v_source, v_cuts) as p
            where p.ev_type not like 'row:_' or p.table_name = any (i_apply || i_aside));
    end if;

    return query
    with part as (
        select p.*,
            p.ev_type like 'row:_' and p.ev_type <> 'row:O' and p.table_name = any (i_apply) as is_applied,
            pg_catalog.max(p.last_id) filter (where p.ev_type = 'row:T')
                over (partition by p.segment, p.table_name) as cleared
        from pg_catalog.unnest(v_parts) as p
    ), section as (
        -- one table, one descriptor, one segment: what is applied in one go
        select p.segment, p.table_name, p.relation_id, coalesce(p.cleared, 0) as cleared,
            pg_catalog.min(p.first_id) as first_id,
            coalesce(pg_catalog.bool_and(p.ev_type = 'row:I'), false) as inserts_only,
            coalesce(pg_catalog.bool_and(p.ev_type = 'row:D'), false) as deletes_only,
            coalesce(pg_catalog.bool_and(p.ev_type = 'row:U'), false) as updates_only
        from part as p
        where p.is_applied and p.ev_type in ('row:I', 'row:U', 'row:D') and p.last_id > coalesce(p.cleared, 0)
        group by 1, 2, 3, 4
    ), rows_of as (
        select s.*, p.ev_type = 'row:D' as is_delete,
            pg_catalog.array_agg(p.ev_type) as types, pg_catalog.sum(p.events)::bigint as events,
            pg_catalog.sum(p.row_count)::bigint as row_count, pg_catalog.sum(p.bytes)::bigint as bytes,
            pg_catalog.max(p.largest) as largest, pg_catalog.min(p.first_id) as from_id,
            pg_catalog.max(p.last_id) as until_id
        from section as s
        join part as p
            on p.segment = s.segment and p.table_name = s.table_name
            and p.relation_id is not distinct from s.relation_id
        where p.is_applied and p.ev_type in ('row:I', 'row:U', 'row:D') and p.last_id > s.cleared
        group by s.segment, s.table_name, s.relation_id, s.cleared, s.first_id, s.inserts_only,
            s.deletes_only, s.updates_only, p.ev_type = 'row:D'
    ), planned as (
        select p.segment, 'control' as kind, false as marked, p.ev_type, p.table_name, p.relation_id,
            p.row_count, p.first_id, p.last_id, p.ev_data, p.ev_extra2, p.ev_extra4, null as copy_sql,
            0 as turn, p.first_id as section_id
        from part as p
        where p.ev_type not like 'row:_' or p.ev_type not in ('row:I', 'row:U', 'row:D', 'row:T', 'row:O')
        union all
        select p.segment, 'truncate', false, p.ev_type, p.table_name, p.relation_id,
            0, p.last_id, p.last_id, null, null, null, null, 1, p.last_id
        from part as p
        where p.is_applied and p.ev_type = 'row:T' and p.last_id = p.cleared
        union all
        select r.segment, case when r.is_delete then 'delete'
                when r.inserts_only then 'insert' when r.updates_only then 'update' else 'write' end,
            not (r.inserts_only or r.deletes_only), null, r.table_name, r.relation_id,
            r.row_count, greatest(r.from_id, r.cleared + 1), r.until_id, null, null, null,
            tailrace.part_sql(v_source, r.table_name, r.relation_id, r.types,
                not (r.inserts_only or r.deletes_only), greatest(r.from_id - 1, r.cleared), r.until_id,
                r.events, r.bytes, r.largest),
            2, r.first_id
        from rows_of as r
        union all
        select p.segment, 'aside', false, null, p.table_name, null,
            pg_catalog.sum(p.events)::bigint, pg_catalog.min(p.first_id), pg_catalog.max(p.last_id),
            null, null, null,
            tailrace.aside_sql(v_source, i_queue, p.table_name, i_to_tick,
                pg_catalog.min(p.first_id), pg_catalog.max(p.last_id)),
            3, pg_catalog.min(p.first_id)
        from part as p
        where p.ev_type like 'row:_' and p.table_name = any (i_aside)
        group by p.segment, p.table_name
    )
    select p.segment, p.kind, p.marked, p.ev_type, p.table_name, p.relation_id, p.row_count,
        p.first_id, p.last_id, p.ev_data, p.ev_extra2, p.ev_extra4, p.copy_sql
    from planned as p
    order by p.segment, p.turn, p.section_id, p.table_name, p.relation_id, p.kind;
end;
$body$;

comment on function tailrace.reading_plan(text, text, bigint, bigint, text, text[], text[]) is
    'how a range of events is fetched: its parts in order, each with the text of its COPY';
