create or replace function tailrace.copy_in_sql(i_table text, i_columns text[])
returns text
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.copy_in_sql(2)
--
--      Statement that takes what tailrace.copy_out_sql sends elsewhere.
--
-- Parameters:
--      i_table     local table, schema.table, unquoted
--      i_columns   columns, in the order in which they come
-- Returns:
--      SQL text
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.format('copy %s (%s) from stdin', pgq.quote_fqname(i_table),
        (select pg_catalog.string_agg(pg_catalog.quote_ident(c.name), ', ' order by c.n)
           from pg_catalog.unnest(i_columns) with ordinality c(name, n)))
$$;

comment on function tailrace.copy_in_sql(text, text[]) is
    'statement that takes what tailrace.copy_out_sql sends elsewhere';
