create or replace function tailrace.comparable_tables(
    i_queue text,
    out table_name text,
    out dest_table text,
    out state      text,
    out columns    text[]
) returns setof record
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.comparable_tables(1)
--
--      Replicated tables of this node with what a comparison needs.
--
-- Parameters:
--      i_queue     queue
-- Returns:
--      one row a table; columns NULL when the table does not exist
-- Calls:
--      tailrace.copied_columns
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select i.table_name, i.dest_table, i.state, tailrace.copied_columns(i.dest_table)
      from tailrace.table_info i
     where i.queue_name = i_queue
     order by i.table_name
$$;

comment on function tailrace.comparable_tables(text) is
    'replicated tables of this node with what a comparison needs';
