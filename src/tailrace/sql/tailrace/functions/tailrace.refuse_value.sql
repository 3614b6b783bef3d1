create or replace function tailrace.refuse_value(
    i_table  text,
    i_column text,
    i_value  text,
    i_as     anyelement
) returns anyelement
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.refuse_value(4)
--
--      Says that a value cannot be written into a file so that Flink reads it back. Stands in the
--      place of such a value in the query that makes the lines of a file.
--
-- Parameters:
--      i_table   - global name of the table
--      i_column  - column
--      i_value   - value, as text
--      i_as      - NULL of the type that is expected in this place
--
-- Returns:
--      never; raises TR040
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    raise exception using errcode = 'TR040',
        message = pg_catalog.format('column "%s" of table "%s" holds %s, which Flink has no value for',
            i_column, i_table, pg_catalog.left(i_value, 60)),
        hint = 'write NULL in the place of such values with: tailrace export JOB --unreadable null';
end;
$body$;

comment on function tailrace.refuse_value(text, text, text, anyelement) is
    'says that a value cannot be written so that Flink reads it back';
