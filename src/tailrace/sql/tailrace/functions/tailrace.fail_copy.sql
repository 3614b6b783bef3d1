create or replace function tailrace.fail_copy(i_queue text, i_table text, i_error text)
returns void
language sql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.fail_copy(3)
--
--      Keep what made a copy attempt fail, for status and tables. The state
--      stays: the next attempt begins from the beginning.
--
-- Parameters:
--      i_queue     queue
--      i_table     global name of the table
--      i_error     one line
-- Returns:
--      nothing
-- Tables changed:
--      tailrace.table_info
-- ----------------------------------------------------------------------
    update tailrace.table_info i
       set copy_error = i_error
     where i.queue_name = i_queue and i.table_name = i_table and i.state in ('pending', 'copying')
$$;

comment on function tailrace.fail_copy(text, text, text) is 'keeps what made a copy attempt fail';
