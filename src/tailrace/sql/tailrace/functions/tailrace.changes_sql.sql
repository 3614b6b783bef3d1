create or replace function tailrace.changes_sql(
    i_source text
) returns text
language sql immutable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.changes_sql(1)
--
--      Text of the query for the changes among some events: rows that are told once more, for
--      readers to whom the last one counts, are left out.
--
-- Parameters:
--      i_source  - text of the event query (see tailrace.range_sql)
--
-- Returns:
--      a SELECT with the same columns
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select 'select * from (' || i_source || ') as told where ev_extra4 is distinct from ''N'''
$body$;

comment on function tailrace.changes_sql(text) is 'text of the query for the changes among some events';
