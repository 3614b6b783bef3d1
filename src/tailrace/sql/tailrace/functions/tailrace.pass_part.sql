create or replace function tailrace.pass_part(
    i_source  text,
    i_passing jsonb,
    out row_count bigint,
    out first_id  bigint,
    out last_id   bigint,
    out relations text,
    out copy_sql  text
) returns setof record
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.pass_part(2)
--
--      The events of a range that go into the combined queue: changes of rows, descriptors and
--      statements. What tells of the set of this queue (pgq.*) or of its tables does not concern
--      the readers of the other.
--
-- Parameters:
--      i_source   - text of the event query (see tailrace.range_sql)
--      i_passing  - see tailrace.passing; NULL: nothing is passed on
--
-- Returns:
--      one row, or none when there is nothing to pass on
--        row_count, first_id, last_id - of the events
--        relations  - descriptors that they use, a JSON array
--        copy_sql   - COPY TO STDOUT of ev_time, ev_type, ev_data, ev_extra1..4 in order
--
-- Calls:
--      the text that was passed
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_sql text;
begin
    if i_passing is null then
        return;
    end if;
    -- most often nothing is renamed or withheld, and nobody has to look anything up for each event
    v_sql := pg_catalog.format(
        case when i_passing = '{}' then 'from (select s.*, null::text as name, true as passes from (%s) as s) as ev'
        else 'from (select s.*, %2$L::jsonb ->> s.ev_extra1 as name,'
            ' %2$L::jsonb -> s.ev_extra1 is distinct from ''null'' as passes from (%1$s) as s) as ev'
        end
        || ' where case when ev_type like ''row:_'' then passes'
            ' else ev_type in (''tailrace.relation'', ''tailrace.execute'') end',
        i_source, i_passing);

    execute 'select pg_catalog.count(*), pg_catalog.min(ev_id), pg_catalog.max(ev_id),'
        ' coalesce(pg_catalog.jsonb_agg(distinct ev_extra3) filter (where ev_type like ''row:_''), ''[]'') '
        || v_sql
    into row_count, first_id, last_id, relations;
    if row_count > 0 then
        copy_sql := 'copy (select coalesce(ev_time, pg_catalog.now()), ev_type, ev_data,'
            ' case when ev_type like ''row:_'' then coalesce(name, ev_extra1) else ev_extra1 end,'
            ' ev_extra2, ev_extra3, ev_extra4 ' || v_sql || ' order by ev_id) to stdout';
        return next;
    end if;
end;
$body$;

comment on function tailrace.pass_part(text, jsonb) is
    'the events of a range that a merged leaf passes on, and how they are fetched';
