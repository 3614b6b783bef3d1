create or replace function tailrace.reading_plan(
    i_queue     text,
    i_consumer  text,
    i_from_tick bigint,
    i_to_tick   bigint,
    i_source    text,
    i_apply     text[],
    i_aside     text[],
    i_passing   jsonb default null
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
-- Function: tailrace.reading_plan(8)
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
--      i_passing               - which events go on into the combined queue (see
--                                tailrace.passing); NULL: none
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
--        pass      events for the combined queue; event_data: the descriptors that they use
--      Row events of other tables are left out.
--
-- Calls:
--      tailrace.range_sql, tailrace.range_contents, tailrace.range_cuts, tailrace.row_parts,
--      tailrace.part_sql, tailrace.aside_sql, tailrace.pass_part
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_source text := coalesce(i_source,
        tailrace.range_sql(i_queue, i_consumer, i_from_tick, i_to_tick));
    v_tables text[] := i_apply || i_aside;
    v_parts  tailrace.range_part[];
    v_cuts   bigint[];
    v_last   integer;
begin
    v_parts := array(select p from tailrace.range_contents(v_source, '{}') as p
        where p.ev_type not like 'row:_' or p.table_name = any (v_tables));
    v_cuts := tailrace.range_cuts(v_source, v_parts);
    if v_cuts is not null then
        v_parts := array(select p from tailrace.range_contents(v_source, v_cuts) as p
            where p.ev_type not like 'row:_' or p.table_name = any (v_tables));
    end if;

    v_last := coalesce((select pg_catalog.max(p.segment) from pg_catalog.unnest(v_parts) as p), 0);

    return query
    select p.segment, p.kind, p.marked, p.event_type, p.table_name, p.relation_id, p.row_count,
        p.first_id, p.last_id, p.event_data, p.event_extra2, p.event_extra4, p.copy_sql
    from (
        select p.segment, 'control' as kind, false as marked, p.ev_type as event_type, p.table_name,
            p.relation_id, p.row_count, p.first_id, p.last_id, p.ev_data as event_data,
            p.ev_extra2 as event_extra2, p.ev_extra4 as event_extra4, null as copy_sql,
            0 as turn, p.first_id as section_id
        from pg_catalog.unnest(v_parts) as p
        where p.ev_type not in ('row:I', 'row:U', 'row:D', 'row:T', 'row:O')
        union all
        select p.segment, 'truncate', false, 'row:T', p.table_name, pg_catalog.min(p.relation_id),
            0, pg_catalog.min(p.first_id), pg_catalog.max(p.last_id), null, null, null, null, 1, 0
        from pg_catalog.unnest(v_parts) as p
        where p.ev_type = 'row:T' and p.table_name = any (i_apply)
        group by p.segment, p.table_name
        union all
        select r.segment, r.kind, r.marked, null, r.table_name, r.relation_id, r.row_count,
            r.first_id, r.last_id, null, null, null,
            'copy (' || tailrace.part_sql(v_source, r.table_name, r.relation_id, r.types, r.marked,
                r.first_id - 1, r.last_id, r.events, r.bytes, r.largest) || ') to stdout (format binary)',
            2, r.section_id
        from tailrace.row_parts(v_parts, i_apply) as r
        union all
        select p.segment, 'aside', false, null, p.table_name, null,
            pg_catalog.sum(p.row_count)::bigint, pg_catalog.min(p.first_id), pg_catalog.max(p.last_id),
            null, null, null,
            tailrace.aside_sql(v_source, i_queue, p.table_name, i_to_tick,
                pg_catalog.min(p.first_id), pg_catalog.max(p.last_id)),
            3, pg_catalog.min(p.first_id)
        from pg_catalog.unnest(v_parts) as p
        where p.ev_type like 'row:_' and p.table_name = any (i_aside)
        group by p.segment, p.table_name
        union all
        select v_last, 'pass', false, null, null, null, p.row_count, p.first_id, p.last_id,
            p.relations, null, null, p.copy_sql, 4, 0
        from tailrace.pass_part(v_source, i_passing) as p
    ) as p
    order by p.segment, p.turn, p.section_id, p.table_name, p.relation_id, p.kind;
end;
$body$;

comment on function tailrace.reading_plan(text, text, bigint, bigint, text, text[], text[], jsonb) is
    'how a range of events is fetched: its parts in order, each with the text of its COPY';
