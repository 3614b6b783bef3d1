create or replace function tailrace.write_staged(
    i_plan jsonb,
    i_kind text,
    out inserted bigint,
    out updated  bigint,
    out missed   bigint
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.write_staged(2)
--
--      Update and insert the final rows that are staged. Updates go first, since a row may
--      insert a value of another unique key that an updated row gives up.
--
-- Parameters:
--      i_plan  - what tailrace.apply_plan returned
--      i_kind  - what is staged: update or write (see tailrace.apply_staged)
--
-- Returns:
--      inserted, updated  - rows; those that were missing count as inserted
--      missed             - updates that met no row
--
-- Calls:
--      the texts of the plan
-- Tables directly manipulated:
--      the local table
-- ----------------------------------------------------------------------
declare
    v_only  text := case when i_kind = 'update' then 'only_' else '' end;
    v_final bigint;
begin
    missed := 0;
    inserted := 0;
    execute i_plan ->> (v_only || 'update') into v_final, updated;
    if updated < v_final then
        execute i_plan ->> (v_only || 'missing');
        get diagnostics missed = row_count;
    end if;
    if i_kind <> 'update' then
        execute i_plan ->> 'insert';
        get diagnostics inserted = row_count;
    end if;
    inserted := inserted + missed;
end;
$body$;

comment on function tailrace.write_staged(jsonb, text) is
    'updates and inserts the final rows that are staged';
