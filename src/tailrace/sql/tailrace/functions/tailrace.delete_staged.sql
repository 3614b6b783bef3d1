create or replace function tailrace.delete_staged(
    i_plan    jsonb,
    i_kind    text,
    i_deleted bigint,
    out deleted bigint,
    out missed  bigint
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.delete_staged(3)
--
--      Delete the rows whose keys are staged as deletes.
--
-- Parameters:
--      i_plan     - what tailrace.apply_plan returned
--      i_kind     - what is staged (see tailrace.apply_staged)
--      i_deleted  - number of staged rows of deletes
--
-- Returns:
--      deleted  - rows that went
--      missed   - rows that should have been there and were not: a key that the same events
--                 inserted first is not expected
--
-- Calls:
--      tailrace.key_bounds, the texts of the plan
-- Tables directly manipulated:
--      the local table
-- ----------------------------------------------------------------------
declare
    v_among    record;
    v_expected bigint;
begin
    v_among := tailrace.key_bounds(i_plan, i_deleted);
    execute (i_plan ->> 'delete') || v_among.condition;
    get diagnostics deleted = row_count;

    missed := 0;
    if deleted <> i_deleted then
        v_expected := case when i_kind = 'delete' then v_among.keys end;
        if v_expected is null then
            execute i_plan ->> case when i_kind = 'delete' then 'only_deleted' else 'deleted' end
            into v_expected;
        end if;
        missed := greatest(0, v_expected - deleted);
    end if;
end;
$body$;

comment on function tailrace.delete_staged(jsonb, text, bigint) is
    'deletes the rows whose keys are staged as deletes';
