create or replace function tailrace.copy_out_sql(i_table text, i_columns text[])
returns text
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.copy_out_sql(2)
--
--      Statement that sends the rows of a local table to the client.
--
-- Parameters:
--      i_table     local table, schema.table, unquoted
--      i_columns   columns, in the order wanted
-- Returns:
--      SQL text
-- Calls:
--      tailrace.source_rows
-- Raises:
--      TR004 when there is no such table
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.format('copy (%s) to stdout', tailrace.source_rows(i_table, i_columns))
$$;

comment on function tailrace.copy_out_sql(text, text[]) is
    'statement that sends the rows of a local table to the client';
