create or replace function tailrace.copied_columns(i_table text)
returns text[]
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.copied_columns(1)
--
--      Columns of a local table that hold data of their own: generated ones
--      are computed on each node.
--
-- Parameters:
--      i_table     local table, schema.table, unquoted
-- Returns:
--      names in the order of the table; NULL when there is no such table
-- Calls:
--      tailrace.table_oid
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.array_agg(a.attname::text order by a.attnum)
      from pg_catalog.pg_attribute a
     where a.attrelid = tailrace.table_oid(i_table)
       and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
$$;

comment on function tailrace.copied_columns(text) is
    'columns of a local table that hold data of their own, in order';
