create or replace function tailrace.empty_table(i_table text)
returns void
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.empty_table(1)
--
--      Make a table ready to be loaded: other writers are locked out to the
--      end of the transaction, and its rows go. A table that is empty
--      anyway stays readable for others. TRUNCATE is not possible where
--      foreign keys of other tables point here (and must not take those
--      tables along), so there the rows are deleted.
--
-- Parameters:
--      i_table     local table, schema.table, unquoted
-- Returns:
--      nothing
-- Calls:
--      tailrace.own_rows, tailrace.is_referenced
-- Raises:
--      TR004 when there is no such table
-- Tables changed:
--      the named one
-- ----------------------------------------------------------------------
declare
    v_rows   text := tailrace.own_rows(i_table);
    v_filled boolean;
begin
    execute pg_catalog.format('lock table %s in share row exclusive mode', v_rows);
    execute pg_catalog.format('select exists (select from %s)', v_rows) into v_filled;
    if not v_filled then
        return;
    end if;
    if tailrace.is_referenced(tailrace.table_oid(i_table)) then
        execute 'delete from ' || v_rows;
    else
        execute 'truncate ' || v_rows;
    end if;
end;
$$;

comment on function tailrace.empty_table(text) is
    'makes a table ready to be loaded: locks writers out, removes its rows';
