create or replace function tailrace.apply_again(
    i_plan    jsonb,
    i_deleted bigint,
    out inserted       bigint,
    out updated        bigint,
    out deleted        bigint,
    out missed_updates bigint,
    out missed_deletes bigint
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.apply_again(2)
--
--      The second way to take staged rows into their table: delete every key that was there
--      before these events, then insert all final rows. It is needed where updates in place
--      meet a unique value that another row has not given up yet, or a column that UPDATE may
--      not set. Columns that only the local table has keep their values.
--
-- Parameters:
--      i_plan     - what tailrace.apply_plan returned
--      i_deleted  - number of staged rows of deletes
--
-- Returns:
--      as tailrace.apply_staged
--
-- Calls:
--      the texts of the plan
-- Tables directly manipulated:
--      the local table; a temporary table tailrace_kept lives in between
-- ----------------------------------------------------------------------
declare
    v_kept    bigint;
    v_gone    bigint;
    v_updates bigint;
begin
    execute i_plan ->> 'keep';
    get diagnostics v_kept = row_count;
    execute i_plan ->> 'updates' into v_updates;
    missed_deletes := 0;
    if i_deleted > 0 then
        execute i_plan ->> 'present' into v_gone;
        execute i_plan ->> 'deleted' into missed_deletes;
        missed_deletes := greatest(0, missed_deletes - v_gone);
    end if;

    execute i_plan ->> 'redo_delete';
    get diagnostics deleted = row_count;
    execute i_plan ->> 'redo_kept';
    get diagnostics updated = row_count;
    execute i_plan ->> 'redo_new';
    get diagnostics inserted = row_count;

    deleted := deleted - v_kept;
    missed_updates := v_updates - v_kept;
    drop table pg_temp.tailrace_kept;
end;
$body$;

comment on function tailrace.apply_again(jsonb, bigint) is
    'takes staged rows into their table as delete and insert';
