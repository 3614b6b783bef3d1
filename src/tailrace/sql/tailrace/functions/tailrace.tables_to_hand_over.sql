create or replace function tailrace.tables_to_hand_over(i_queue text, i_position bigint)
returns setof text
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.tables_to_hand_over(2)
--
--      Copied tables whose tick the applying consumer has reached.
--
-- Parameters:
--      i_queue     queue
--      i_position  tick that the applying consumer has completed
-- Returns:
--      global names
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select i.table_name
      from tailrace.table_info i
     where i.queue_name = i_queue and i.state = 'syncing' and i.copy_tick <= i_position
     order by i.table_name
$$;

comment on function tailrace.tables_to_hand_over(text, bigint) is
    'copied tables whose tick the applying consumer has reached';
