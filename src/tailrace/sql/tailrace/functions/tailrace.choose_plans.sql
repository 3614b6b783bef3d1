create or replace function tailrace.choose_plans(
    i_plan jsonb,
    i_rows bigint
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.choose_plans(2)
--
--      Tell the planner how to join staged rows with their table, for the rest of the
--      transaction. It knows nothing of a temporary table, and a wrong guess costs a scan of the
--      whole target. So rows are found by the index on the key (tailrace.key_bounds says in which
--      way); only a table without such an index is read as a whole.
--
-- Parameters:
--      i_plan  - what tailrace.apply_plan returned
--      i_rows  - number of staged rows
--
-- Returns:
--      nothing
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      analyzes the staging table
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
    if i_rows >= 1000 then
        -- the number of rows is what counts; a sample as large as the default costs a tenth of the batch
        perform pg_catalog.set_config('default_statistics_target', '10', true);
        execute pg_catalog.format('analyze pg_temp.%I (%s)', i_plan ->> 'staging', i_plan ->> 'keys');
    end if;
end;
$body$;

comment on function tailrace.choose_plans(jsonb, bigint) is
    'tells the planner how to join staged rows with their table';
