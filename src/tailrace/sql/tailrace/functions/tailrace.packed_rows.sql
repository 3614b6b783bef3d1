create or replace function tailrace.packed_rows(
    i_sql text
) returns text
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.packed_rows(1)
--
--      Rows of a small part at once, so that they come with the plan of the range and need no
--      COPY, which would be a round trip of its own.
--
-- Parameters:
--      i_sql  - what tailrace.part_sql returned for the part, which may be several messages
--
-- Returns:
--      all of its messages joined to one
--
-- Calls:
--      the text that was passed
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_rows text;
begin
    execute pg_catalog.format('select pg_catalog.string_agg(m.message, E''"\n'') from (%s) as m (message)', i_sql)
    into v_rows;
    return v_rows;
end;
$body$;

comment on function tailrace.packed_rows(text) is
    'rows of a small part, packed into one text';
