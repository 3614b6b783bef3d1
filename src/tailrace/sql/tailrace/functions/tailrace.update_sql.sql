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
--      Text of the statement that updates staged rows in place.
--
-- Parameters:
--      i_table  - table to update (trusted text)
--      i_set    - assignments; NULL: the table has nothing but its key
--      i_match  - condition between t, the table, and n, the staged rows
--      i_rows   - the final rows, one a key, with their alias
--
-- Returns:
--      an UPDATE that ends with its condition; where there is nothing to set, a SELECT that
--      meets the same rows
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select case
        when i_set is null then pg_catalog.format('select from %s as t join %s on %s', i_table, i_rows, i_match)
        else pg_catalog.format('update %s as t set %s from %s where %s', i_table, i_set, i_rows, i_match)
    end
$body$;

comment on function tailrace.update_sql(text, text, text, text) is
    'text of the statement that updates staged rows in place';
