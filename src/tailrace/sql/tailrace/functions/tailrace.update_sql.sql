create or replace function tailrace.update_sql(
    i_table text,
    i_set   text,
    i_match text,
    i_rows  text
) returns text
language sql immutable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.update_sql(4)
--
--      Text of the statement that updates staged rows in place and counts both the rows it
--      had and those it met, so that missing ones need no second look at the table.
--
-- Parameters:
--      i_table  - table to update (trusted text)
--      i_set    - assignments; NULL: the table has nothing but its key, rows are only looked up
--      i_match  - condition between t, the table, and n, the staged rows
--      i_rows   - the final rows, one a key
--
-- Returns:
--      a SELECT of two counts: rows, met
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.format('with n as materialized (select * from %s), met as (%s) '
            || 'select (select pg_catalog.count(*) from n), (select pg_catalog.count(*) from met)',
        i_rows,
        case
            when i_set is null then pg_catalog.format('select from n join %s as t on %s', i_table, i_match)
            else pg_catalog.format('update %s as t set %s from n where %s returning 1', i_table, i_set, i_match)
        end)
$body$;

comment on function tailrace.update_sql(text, text, text, text) is
    'text of the statement that updates staged rows in place and counts them';
