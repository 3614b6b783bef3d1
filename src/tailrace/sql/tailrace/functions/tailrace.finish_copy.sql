create or replace function tailrace.finish_copy(
    i_queue text,
    i_table text,
    i_tick  bigint,
    i_rows  bigint,
    i_bytes bigint
) returns boolean
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.finish_copy(5)
--
--      Last step of the transaction that loaded a table: it is there, as of
--      a tick. What is left is the events since that tick.
--
--      Whoever removes the table meanwhile holds its row here and waits for
--      the lock on the table that this transaction has: so the wait for the
--      row is short, and the copy is what gives way.
--
-- Parameters:
--      i_queue     queue
--      i_table     global name of the table
--      i_tick      tick that this attempt noted with start_copy
--      i_rows      rows that came
--      i_bytes     bytes that came
-- Returns:
--      true; false when the table was removed meanwhile, is being removed,
--      or was removed and added again: the caller rolls back
-- Tables changed:
--      tailrace.table_info
-- ----------------------------------------------------------------------
begin
    perform pg_catalog.set_config('lock_timeout', '500ms', true);
    update tailrace.table_info i
       set state = 'syncing', copied_rows = i_rows, copied_bytes = i_bytes, copy_error = null
     where i.queue_name = i_queue and i.table_name = i_table
       and i.state = 'copying' and i.copy_tick = i_tick;
    if found then
        -- the applying consumer listens here, and need not wait for its next look
        perform pg_catalog.pg_notify('tailrace_tick', i_queue);
        return true;
    end if;
    return false;
exception
    when lock_not_available then
        return false;
end;
$$;

comment on function tailrace.finish_copy(text, text, bigint, bigint, bigint) is
    'last step of the transaction that loaded a table';
