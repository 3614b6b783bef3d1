create or replace function tailrace.send_untracked(i_queue_name text, i_table_name text)
returns bigint
language sql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.send_untracked(2)
--
--      Tells readers that need every change of a table that rows of it have
--      changed without an event each.
--
-- Parameters:
--      i_queue_name    queue of the table, which takes events here
--      i_table_name    its global name
-- Returns:
--      id of the event
-- Calls:
--      pgq.insert_event(7)
-- ----------------------------------------------------------------------
    select pgq.insert_event(i_queue_name, 'tailrace.untracked',
        pg_catalog.json_build_object('table', i_table_name)::text, i_table_name, null, null, null)
$$;
