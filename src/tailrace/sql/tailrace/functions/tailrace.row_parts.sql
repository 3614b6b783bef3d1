create or replace function tailrace.row_parts(
    i_parts  tailrace.range_part[],
    i_tables text[],
    out segment     integer,
    out table_name  text,
    out relation_id text,
    out section_id  bigint,
    out kind        text,
    out marked      boolean,
    out types       text[],
    out events      bigint,
    out row_count   bigint,
    out bytes       bigint,
    out largest     integer,
    out first_id    bigint,
    out last_id     bigint
) returns setof record
language sql immutable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.row_parts(2)
--
--      Which COPYs bring the rows of a range. The events of one table and descriptor in one
--      segment are applied in one go, a section; its deletes have other columns than the rest
--      and come by a COPY of their own. Where a table was truncated, events before that are
--      left out.
--
-- Parameters:
--      i_parts   - contents of the range (see tailrace.range_contents)
--      i_tables  - tables whose rows are wanted
--
-- Returns:
--      one row a COPY
--        section_id          - the same in all parts of a section: its first event
--        kind, marked        - see tailrace.reading_plan
--        types               - event types
--        events, row_count, bytes, largest, first_id, last_id - as in tailrace.range_part
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    with part as (
        select p.*, coalesce(pg_catalog.max(p.last_id) filter (where p.ev_type = 'row:T')
            over (partition by p.segment, p.table_name), 0) as cleared
        from pg_catalog.unnest(i_parts) as p
        where p.ev_type in ('row:I', 'row:U', 'row:D', 'row:T') and p.table_name = any (i_tables)
    ), kept as (
        select p.*,
            pg_catalog.min(p.first_id) over section as section_id,
            pg_catalog.bool_and(p.ev_type = 'row:I') over section as inserts_only,
            pg_catalog.bool_and(p.ev_type = 'row:U') over section as updates_only,
            pg_catalog.bool_and(p.ev_type = 'row:D') over section as deletes_only
        from part as p
        where p.ev_type <> 'row:T' and p.last_id > p.cleared
        window section as (partition by p.segment, p.table_name, p.relation_id)
    )
    select k.segment, k.table_name, k.relation_id, k.section_id,
        case
            when k.ev_type = 'row:D' then 'delete'
            when k.inserts_only then 'insert'
            when k.updates_only then 'update'
            else 'write'
        end,
        not (k.inserts_only or k.deletes_only),
        pg_catalog.array_agg(k.ev_type), pg_catalog.sum(k.events)::bigint,
        pg_catalog.sum(k.row_count)::bigint, pg_catalog.sum(k.bytes)::bigint,
        pg_catalog.max(k.largest), greatest(pg_catalog.min(k.first_id), k.cleared + 1),
        pg_catalog.max(k.last_id)
    from kept as k
    group by k.segment, k.table_name, k.relation_id, k.section_id, k.cleared, 5, 6
$body$;

comment on function tailrace.row_parts(tailrace.range_part[], text[]) is
    'which COPYs bring the rows of a range';
