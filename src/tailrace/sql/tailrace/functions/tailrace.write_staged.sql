create or replace function tailrace.write_staged(
    i_plan    jsonb,
    i_kind    text,
    i_written bigint,
    out inserted bigint,
    out updated  bigint,
    out missed   bigint
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.write_staged(3)
--
--      Update and insert the final rows that are staged. Updates go first, since a row may
--      insert a value of another unique key that an updated row gives up.
--
-- Parameters:
--      i_plan     - what tailrace.apply_plan returned
--      i_kind     - what is staged: update or write (see tailrace.apply_staged)
--      i_written  - number of staged rows of inserts and updates
--
-- Returns:
--      inserted, updated  - rows; those that were missing count as inserted
--      missed             - updates that met no row
--
-- Calls:
--      tailrace.key_bounds, the texts of the plan
-- Tables directly manipulated:
--      the local table
-- ----------------------------------------------------------------------
declare
    v_only  text := case when i_kind = 'update' then 'only_' else '' end;
    v_among record;
    v_final bigint;
begin
    missed := 0;
    inserted := 0;
    v_among := tailrace.key_bounds(i_plan, i_written);
    execute (i_plan ->> (v_only || 'update')) || v_among.condition;
    get diagnostics updated = row_count;
    if updated <> i_written then
        -- some rows were no updates, or stood for the same key, or were not found
        v_final := case when i_kind = 'update' then v_among.keys end;
        if v_final is null then
            execute i_plan ->> (v_only || 'updates') into v_final;
        end if;
        if updated < v_final then
            perform pg_catalog.set_config('enable_nestloop', 'on', true);
            execute i_plan ->> (v_only || 'missing');
            get diagnostics missed = row_count;
        end if;
    end if;
    if i_kind <> 'update' then
        execute i_plan ->> 'insert';
        get diagnostics inserted = row_count;
    end if;
    inserted := inserted + missed;
end;
$body$;

comment on function tailrace.write_staged(jsonb, text, bigint) is
    'updates and inserts the final rows that are staged';
