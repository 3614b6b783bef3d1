create or replace function tailrace.key_bounds(
    i_plan jsonb,
    i_rows bigint
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.key_bounds(2)
--
--      A further condition for a statement that joins many staged rows with their table: the key
--      lies between the least and the greatest that is staged. They are literals, because the
--      planner then knows how little of the index that is, and reads just this part in order.
--
-- Parameters:
--      i_plan  - what tailrace.apply_plan returned
--      i_rows  - number of staged rows
--
-- Returns:
--      text that begins with " and"; empty where it is of no use
--
-- Calls:
--      the texts of the plan
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_low  text;
    v_high text;
begin
    if i_rows < 1000 or i_plan ->> 'bounded' is null then
        return '';
    end if;
    execute 'select ' || (i_plan ->> 'bounds') into v_low, v_high;
    return pg_catalog.format(' and %s %L and %L', i_plan ->> 'bounded', v_low, v_high);
end;
$body$;

comment on function tailrace.key_bounds(jsonb, bigint) is
    'condition that the key lies between the least and the greatest staged one';
