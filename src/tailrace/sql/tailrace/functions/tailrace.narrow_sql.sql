create or replace function tailrace.narrow_sql(
    i_source      text,
    i_table       text,
    i_relation_id text,
    i_after       bigint,
    i_until       bigint
) returns text
language sql immutable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.narrow_sql(5)
--
--      Restrict the text of an event query; used to read a few events again when one of them
--      cannot be applied and is to be found.
--
-- Parameters:
--      i_source       - what tailrace.range_sql returned, or a query with the same columns
--      i_table        - only row events of this table; NULL: of all
--      i_relation_id  - only those written with this descriptor; NULL: with any
--      i_after        - only event ids above this one; NULL: no such limit
--      i_until        - only event ids up to this one; NULL: no such limit
--
-- Returns:
--      a SELECT with the same columns
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select 'select * from (' || i_source || ') as ev where ev_type like ''row:%'''
        || coalesce(' and ev_extra1 = ' || pg_catalog.quote_literal(i_table), '')
        || coalesce(' and ev_extra3 = ' || pg_catalog.quote_literal(i_relation_id), '')
        || coalesce(' and ev_id > ' || i_after, '')
        || coalesce(' and ev_id <= ' || i_until, '')
$body$;

comment on function tailrace.narrow_sql(text, text, text, bigint, bigint) is
    'text of an event query, restricted to a table, a descriptor and a range of event ids';
