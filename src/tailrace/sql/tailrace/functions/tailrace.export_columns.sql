create or replace function tailrace.export_columns(
    i_relation text,
    i_table    text,
    i_lenient  boolean
) returns table (
    name       text,
    flink_type text,
    is_key     boolean,
    expression text
)
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.export_columns(3)
--
--      The columns of a table as they come into files and as Flink reads them.
--
-- Parameters:
--      i_relation  - local table, schema.table
--      i_table     - its global name
--      i_lenient   - NULL in the place of what Flink has no value for
--
-- Returns:
--      name        - of the column
--      flink_type  - as written in Flink's CREATE TABLE
--      is_key      - it belongs to the primary key
--      expression  - SQL of what is written, from a row called c
--      no row when there is no such table
--
-- Calls:
--      tailrace.table_oid, tailrace.key_columns, tailrace.export_value
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select a.attname::text, v.flink_type, a.attname::text = any (tailrace.key_columns(i_relation)), v.expression
    from pg_catalog.pg_attribute as a
    cross join lateral tailrace.export_value(a.atttypid, a.atttypmod, 'c.' || pg_catalog.quote_ident(a.attname),
        i_table, a.attname::text, i_lenient) as v
    where a.attrelid = tailrace.table_oid(i_relation) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    order by a.attnum
$body$;

comment on function tailrace.export_columns(text, text, boolean) is
    'the columns of a table as they come into files and as Flink reads them';
