create or replace function tailrace.mark_statement()
returns trigger
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.mark_statement(0)
--
--      BEFORE STATEMENT trigger of captured tables: counts the statements
--      on the table that have begun and not ended. A second one before the
--      first has ended is nested DML (a user's row trigger, a function in
--      the statement, MERGE, ON CONFLICT, a foreign key to the same table):
--      then the transition rows of the outer one may be older than the
--      table, and capture writes the rows as they are now.
--
--      The marks are settings of the transaction: a rolled back savepoint
--      takes its marks with it.
--
-- Trigger argument: capture id
-- ----------------------------------------------------------------------
declare
    v_name   constant text := 'tailrace.open_' || tg_argv[0];
    v_open   constant text := pg_catalog.current_setting(v_name, true);
begin
    if v_open is null or v_open = '' then
        perform pg_catalog.set_config(v_name, '1', true);
    else
        -- The letter n (nested) stays until the outermost statement ends.
        perform pg_catalog.set_config(v_name, (pg_catalog.rtrim(v_open, 'n')::integer + 1)::text || 'n', true);
    end if;
    return null;
end
$$;
