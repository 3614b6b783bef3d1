create or replace function tailrace.own_rows(i_table text)
returns text
language plpgsql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.own_rows(1)
--
--      What to write after FROM, DELETE FROM or TRUNCATE to mean the rows
--      of a replicated table: of a partitioned one those of all partitions,
--      of an ordinary one only its own, since the key of a table says
--      nothing about tables that inherit from it.
--
-- Parameters:
--      i_table     local table, schema.table, unquoted
-- Returns:
--      SQL text
-- Calls:
--      tailrace.table_oid, pgq.quote_fqname
-- Raises:
--      TR004 when there is no such table
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
declare
    v_kind "char";
begin
    select c.relkind into v_kind from pg_catalog.pg_class c where c.oid = tailrace.table_oid(i_table);
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('table "%s" does not exist in database "%s"',
                                        i_table, pg_catalog.current_database()),
            hint = 'create it, or take it out of the set with: tailrace remove-table';
    end if;
    return case v_kind when 'r' then 'only ' else '' end || pgq.quote_fqname(i_table);
end;
$$;

comment on function tailrace.own_rows(text) is
    'what to write after FROM to mean the rows of a replicated table';
