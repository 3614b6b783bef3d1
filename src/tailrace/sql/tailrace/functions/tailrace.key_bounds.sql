create or replace function tailrace.key_bounds(
    i_plan jsonb,
    i_rows bigint,
    out condition text,
    out keys      bigint
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.key_bounds(2)
--
--      Decide how many staged rows are joined with their table, given how dense their keys lie.
--      Where most rows between the least and the greatest key are staged, that part of the index
--      is read in order; else rows are looked up one by one. Left alone, the planner reads in
--      order far too often, as it takes every look-up for a read from the disk.
--
-- Parameters:
--      i_plan  - what tailrace.apply_plan returned
--      i_rows  - number of staged rows
--
-- Returns:
--      condition  - a further one for the statement that joins, beginning with " and": the key
--                   lies between these two (as literals, so that the planner knows how little
--                   that is); empty where rows are looked up
--      keys       - how many different keys are staged; NULL: not counted
--
-- Calls:
--      the texts of the plan
-- Tables directly manipulated:
--      none; sets enable_mergejoin and enable_nestloop for the rest of the transaction
-- ----------------------------------------------------------------------
declare
    v_low     text;
    v_high    text;
    v_between text;
    v_explain json;
    v_dense   boolean := false;
begin
    if i_rows >= 1000 and i_plan ->> 'bounded' is not null then
        execute i_plan ->> 'bounds' into v_low, v_high, keys;
        v_between := pg_catalog.format('%s %L and %L', i_plan ->> 'bounded', v_low, v_high);
        execute pg_catalog.format('explain (format json) select from %s as t where %s',
            i_plan ->> 'rows_of', v_between) into v_explain;
        v_dense := (v_explain -> 0 -> 'Plan' ->> 'Plan Rows')::numeric <= 4 * i_rows;
    end if;
    perform
        pg_catalog.set_config('enable_mergejoin', case when v_dense then 'on' else 'off' end, true),
        pg_catalog.set_config('enable_nestloop', case when v_dense then 'off' else 'on' end, true);
    condition := case when v_dense then ' and ' || v_between else '' end;
end;
$body$;

comment on function tailrace.key_bounds(jsonb, bigint) is
    'decides how many staged rows are joined with their table; condition on their keys';
