create or replace function tailrace.range_cuts(
    i_source text,
    i_parts  tailrace.range_part[]
) returns bigint[]
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.range_cuts(2)
--
--      Where a range must be applied in pieces, one after the other. That is before each event
--      of ours that changes what row events mean here (tables added or removed), and, if the
--      events of one table mix two descriptors, wherever the descriptor changes.
--
-- Parameters:
--      i_source  - text of the event query (see tailrace.range_sql)
--      i_parts   - its contents, taken without cuts (see tailrace.range_contents)
--
-- Returns:
--      ascending event ids, each the first of a new segment; NULL: the range is one piece
--
-- Calls:
--      the text that was passed, only where descriptors mix
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_tables text[];
    v_more   bigint[];
    v_cuts   bigint[];
begin
    select pg_catalog.array_agg(p.first_id)
    into v_cuts
    from pg_catalog.unnest(i_parts) as p
    where p.ev_type like 'tailrace.%' and p.ev_type not in ('tailrace.relation', 'tailrace.untracked');

    select pg_catalog.array_agg(distinct a.table_name)
    into v_tables
    from pg_catalog.unnest(i_parts) as a
    join pg_catalog.unnest(i_parts) as b
        on b.table_name = a.table_name and b.relation_id <> a.relation_id
        and b.ev_type like 'row:_' and a.first_id <= b.last_id and b.first_id <= a.last_id
    where a.ev_type like 'row:_';

    if v_tables is not null then
        execute pg_catalog.format($sql$
            select pg_catalog.array_agg(ev_id)
            from (
                select ev_id, ev_extra3,
                    pg_catalog.lag(ev_extra3) over (partition by ev_extra1 order by ev_id) as before
                from (%s) as source
                where ev_type like 'row:%%' and ev_extra1 = any (%L::text[])
            ) as ev
            where before <> ev_extra3
            $sql$, i_source, v_tables)
        into v_more;
    end if;

    return (
        select pg_catalog.array_agg(distinct cut order by cut)
        from pg_catalog.unnest(v_cuts || v_more) as cut
    );
end;
$body$;

comment on function tailrace.range_cuts(text, tailrace.range_part[]) is
    'event ids at which a range must be cut into segments';
