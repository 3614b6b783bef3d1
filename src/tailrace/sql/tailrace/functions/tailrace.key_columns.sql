create or replace function tailrace.key_columns(i_table text)
returns text[]
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.key_columns(1)
--
--      Columns of a local table's primary key.
--
-- Parameters:
--      i_table     local table, schema.table, unquoted
-- Returns:
--      names in the order of the index; NULL without table or key
-- Calls:
--      tailrace.table_oid
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.array_agg(a.attname::text order by k.n)
      from pg_catalog.pg_index x
      cross join lateral pg_catalog.unnest(x.indkey::int2[]) with ordinality k(attnum, n)
      join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum
     where x.indrelid = tailrace.table_oid(i_table) and x.indisprimary and k.n <= x.indnkeyatts
$$;

comment on function tailrace.key_columns(text) is 'columns of a local table''s primary key';
