create or replace function tailrace.checksum_sql(i_table text, i_columns text[])
returns text
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.checksum_sql(2)
--
--      Statement that counts the rows of a local table and sums up a hash
--      of each. The sum does not depend on the order of rows; the hash does
--      not depend on the order of the table's columns, but on the order in
--      which they are given here. Values are compared as text, so both
--      sessions must have the settings that tailrace pins.
--
-- Parameters:
--      i_table     local table, schema.table, unquoted
--      i_columns   columns, in the same order for both sides
-- Returns:
--      SQL text; its columns are row_count and checksum
-- Calls:
--      tailrace.source_rows
-- Raises:
--      TR004 when there is no such table
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.format(
        'select count(*) as row_count,'
        ' coalesce(sum((''x'' || substr(md5(row(%s)::text), 1, 16))::bit(64)::bigint), 0)::text as checksum'
        ' from (%s) as r',
        (select pg_catalog.string_agg(pg_catalog.format('r.%I', c.name), ', ' order by c.n)
           from pg_catalog.unnest(i_columns) with ordinality c(name, n)),
        tailrace.source_rows(i_table, i_columns))
$$;

comment on function tailrace.checksum_sql(text, text[]) is
    'statement that counts the rows of a local table and sums up a hash of each';
