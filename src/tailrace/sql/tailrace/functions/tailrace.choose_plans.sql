create or replace function tailrace.choose_plans(
    i_plan jsonb
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.choose_plans(1)
--
--      Tell the planner how to join staged rows with their table, for the rest of the
--      transaction. It knows nothing of a temporary table, and a wrong guess costs a scan of the
--      whole target. So rows are found by the index on the key (tailrace.key_bounds says in which
--      way); only a table without such an index is read as a whole. To analyze the staging table
--      would cost more than it tells: nothing is left to be chosen.
--
-- Parameters:
--      i_plan  - what tailrace.apply_plan returned
--
-- Returns:
--      nothing
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_scans text := case when (i_plan ->> 'indexed')::boolean then 'off' else 'on' end;
begin
    perform
        pg_catalog.set_config('enable_hashjoin', v_scans, true),
        pg_catalog.set_config('enable_seqscan', v_scans, true),
        pg_catalog.set_config('enable_bitmapscan', v_scans, true),
        -- switched-off scans look so expensive that compiling would seem worth while
        pg_catalog.set_config('jit', 'off', true),
        pg_catalog.set_config('work_mem', '64MB', true);
end;
$body$;

comment on function tailrace.choose_plans(jsonb) is
    'tells the planner how to join staged rows with their table';
