-- pgq_node.unfinished_copies(i_queue_name)
--
-- Purpose:    tables of this node whose first load is not complete. A node with such a table must not become the root:
--             the rows that it lacks would be missing everywhere.
-- Parameters: i_queue_name  queue
-- Returns:    their names, separated by commas
-- NULL:       result is NULL when there is none, or when schema tailrace is not installed here
-- Calls:      nothing
-- Changes:    nothing
create or replace function pgq_node.unfinished_copies(i_queue_name text)
returns text
language plpgsql stable as $$
declare
    v_tables text;
begin
    if pg_catalog.to_regclass('tailrace.table_info') is not null then
        select pg_catalog.string_agg(i.table_name, ', ' order by i.table_name) into v_tables
          from tailrace.table_info i
         where i.queue_name = i_queue_name
           and i.state <> 'live';
    end if;
    return v_tables;
end;
$$;
comment on function pgq_node.unfinished_copies(text) is 'Internal: tables of this node whose first load is not complete';
