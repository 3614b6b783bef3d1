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
--      tailrace.source_rows
-- Raises:
--      TR004 when there is no such table
-- Tables changed:
--      the named one
-- ----------------------------------------------------------------------
declare
    v_name text := pgq.quote_fqname(i_table);
    v_only text := case when tailrace.source_rows(i_table, '{}') like '% only %' then 'only' else '' end;
    v_any  boolean;
begin
    execute pg_catalog.format('lock table %s %s in share row exclusive mode', v_only, v_name);
    execute pg_catalog.format('select exists (select from %s %s)', v_only, v_name) into v_any;
    if not v_any then
        return;
    end if;
    if exists (
        select from pg_catalog.pg_partition_tree(tailrace.table_oid(i_table)) p
          join pg_catalog.pg_constraint c on c.confrelid = p.relid
         where c.contype = 'f' and c.conrelid <> c.confrelid
        union all
        select from pg_catalog.pg_constraint c
         where c.confrelid = tailrace.table_oid(i_table) and c.contype = 'f' and c.conrelid <> c.confrelid
    ) then
        execute pg_catalog.format('delete from %s %s', v_only, v_name);
    else
        execute pg_catalog.format('truncate %s %s', v_only, v_name);
    end if;
end;
$$;

comment on function tailrace.empty_table(text) is
    'makes a table ready to be loaded: locks writers out, removes its rows';
