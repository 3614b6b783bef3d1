create or replace function tailrace.next_reading(
    i_queue      text,
    i_consumer   text,
    i_position   bigint,
    i_max_events integer,
    i_stop_tick  bigint,
    i_apply      text[],
    i_aside      text[]
) returns table (
    to_tick      bigint,
    newest_tick  bigint,
    complete     boolean,
    to_time      timestamptz,
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
    event_extra4 text
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.next_reading(7)
--
--      Choose what an applying consumer reads next, and bring it along where it is little: then
--      the way from the queue to the consumer is one round trip and one statement that is planned.
--      What a small range costs is the number of both, not its events.
--
-- Parameters:
--      i_queue, i_consumer, i_position, i_max_events, i_stop_tick - as in tailrace.next_range
--      i_apply  - tables whose rows are applied; NULL: bring nothing along
--      i_aside  - tables whose events are only kept for later
--
-- Returns:
--      nothing      - there is nothing to read
--      one row      - complete is false: where the range ends, to be read by tailrace.reading_plan;
--                     complete is true, kind is NULL: nothing in it is to be applied
--      rows, complete is true - the parts of the range, which are those of tailrace.reading_plan
--                     in its order, with their rows in event_data
--      to_time in each row is the time of tick to_tick.
--      Left to tailrace.reading_plan: more than 100 events, control events but those of the
--      cascade (pgq.*, which divide no range), TRUNCATE, tables that are set aside, rows of one
--      table written with several descriptors.
--
-- Calls:
--      tailrace.next_range, tailrace.range_sql, tailrace.few_events
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_range  record;
    v_events pgq.event_template[];
    v_other  boolean;
    v_joint  text := E'"\n';
begin
    select * into v_range
    from tailrace.next_range(i_queue, i_consumer, i_position, i_max_events, i_stop_tick);
    if v_range.to_tick is null then
        return;
    end if;

    -- ids drawn, an estimate: events of a longer transaction may be more, and are counted then
    if i_apply is not null and v_range.events <= 100 then
        v_events := tailrace.few_events(
            tailrace.range_sql(i_queue, i_consumer, i_position, v_range.to_tick), 100);
    end if;
    select v_events is null
        or pg_catalog.bool_or(e.ev_type not in ('row:I', 'row:U', 'row:D', 'row:O') and e.ev_type not like 'pgq.%'
            or e.ev_extra1 = any (i_aside))
        or pg_catalog.count(distinct e.ev_extra1) filter (where e.ev_type like 'row:_')
            < pg_catalog.count(distinct (e.ev_extra1, e.ev_extra3)) filter (where e.ev_type like 'row:_')
    into v_other
    from pg_catalog.unnest(v_events) as e;
    if v_other then
        return query
        select v_range.to_tick, v_range.newest_tick, false, v_range.to_tick_time, null::text, null::boolean, null::text, null::text,
            null::text, null::bigint, null::bigint, null::bigint, null::text, null::text, null::text;
        return;
    end if;

    return query
    with event as (
        -- rows as in tailrace.part_sql, with and without the mark
        select e.ev_id, e.ev_type, e.ev_extra1, e.ev_extra3, e.ev_data as plain,
            m.mark || pg_catalog.replace(
                e.ev_data, ')' || v_joint || '(', ')' || v_joint || m.mark || '(') as marked,
            coalesce(e.ev_extra2::integer, 1) as row_count
        from pg_catalog.unnest(v_events) as e
        cross join lateral (
            select e.ev_id || ',' || pg_catalog.right(e.ev_type, 1) || 'x"' as mark
        ) as m
        where e.ev_type in ('row:I', 'row:U', 'row:D') and e.ev_extra1 = any (i_apply)
    ), section as (
        select e.ev_extra1 as table_name, e.ev_extra3 as relation_id, pg_catalog.min(e.ev_id) as section_id,
            case
                when pg_catalog.bool_and(e.ev_type = 'row:I') then 'insert'
                when pg_catalog.bool_and(e.ev_type = 'row:U') then 'update'
                when pg_catalog.bool_and(e.ev_type = 'row:D') then 'delete'
                else 'write'
            end as kind
        from event as e
        group by e.ev_extra1, e.ev_extra3
    )
    select v_range.to_tick, v_range.newest_tick, true, v_range.to_tick_time, p.kind, p.marked, p.event_type, p.table_name,
        p.relation_id, p.row_count, p.first_id, p.last_id, p.event_data, p.event_extra2, p.event_extra4
    from (values (true)) as always (there)
    left join (
        select 'control' as kind, false as marked, e.ev_type as event_type, e.ev_extra1 as table_name,
            e.ev_extra3 as relation_id, 1::bigint as row_count, e.ev_id as first_id, e.ev_id as last_id,
            e.ev_data as event_data, e.ev_extra2 as event_extra2, e.ev_extra4 as event_extra4,
            0 as turn, e.ev_id as section_id
        from pg_catalog.unnest(v_events) as e
        where e.ev_type like 'pgq.%'
        union all
        select p.kind, p.marked, null, s.table_name, s.relation_id, p.row_count, p.first_id, p.last_id,
            p.event_data, null, null, 1, s.section_id
        from section as s
        cross join lateral (
            select case when e.ev_type = 'row:D' then 'delete' else s.kind end as kind,
                s.kind not in ('insert', 'delete') as marked,
                pg_catalog.sum(e.row_count)::bigint as row_count,
                pg_catalog.min(e.ev_id) as first_id, pg_catalog.max(e.ev_id) as last_id,
                pg_catalog.string_agg(case when s.kind in ('insert', 'delete') then e.plain else e.marked end,
                    v_joint) as event_data
            from event as e
            where e.ev_extra1 = s.table_name and e.ev_extra3 = s.relation_id
            group by 1
        ) as p
    ) as p on always.there
    order by p.turn, p.section_id, p.table_name, p.relation_id, p.kind;
end;
$body$;

comment on function tailrace.next_reading(text, text, bigint, integer, bigint, text[], text[]) is
    'what an applying consumer reads next, and its rows where they are few';
