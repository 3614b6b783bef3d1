create or replace function tailrace.source_rows(i_table text, i_columns text[])
returns text
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.source_rows(2)
--
--      SELECT text for columns of the rows of a replicated table.
--
-- Parameters:
--      i_table     local table, schema.table, unquoted
--      i_columns   columns, in the order wanted
-- Returns:
--      SQL text
-- Calls:
--      tailrace.own_rows
-- Raises:
--      TR004 when there is no such table
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.format('select %s from %s',
        (select pg_catalog.string_agg(pg_catalog.quote_ident(c.name), ', ' order by c.n)
           from pg_catalog.unnest(i_columns) with ordinality c(name, n)),
        tailrace.own_rows(i_table))
$$;

comment on function tailrace.source_rows(text, text[]) is
    'SELECT text for columns of the rows of a replicated table';
