create or replace function tailrace.start_copy(
    i_queue    text,
    i_table    text,
    i_tick     bigint,
    i_expected bigint
) returns boolean
language sql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.start_copy(4)
--
--      Note the tick that the rows being copied are at. From now on the
--      applying consumer stops at it once, and need not go tick by tick.
--
-- Parameters:
--      i_queue     queue
--      i_table     global name of the table
--      i_tick      tick that the source's snapshot is
--      i_expected  rows that will come, as far as known; NULL: unknown
-- Returns:
--      true; false when the table is not in copy (any more)
-- Tables changed:
--      tailrace.table_info
-- ----------------------------------------------------------------------
    with started as (
        update tailrace.table_info i
           set copy_tick = i_tick, expected_rows = i_expected
         where i.queue_name = i_queue and i.table_name = i_table
           and i.state = 'copying' and i.aside_tick <= i_tick
        returning 1
    )
    select exists (select from started)
$$;

comment on function tailrace.start_copy(text, text, bigint, bigint) is
    'notes the tick of the rows that are being copied';
