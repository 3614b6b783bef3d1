create or replace function tailrace.end_hand_over(i_queue text, i_table text)
returns void
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.end_hand_over(2)
--
--      Let go of the events that were kept for a table's copy, in the
--      transaction that has applied them.
--
-- Parameters:
--      i_queue     queue
--      i_table     global name of the table
-- Returns:
--      nothing
-- Calls:
--      pgq.unregister_consumer
-- Tables changed:
--      tailrace.set_aside, pgq.subscription
-- ----------------------------------------------------------------------
begin
    delete from tailrace.set_aside a where a.queue_name = i_queue and a.table_name = i_table;
    if not pgq_node.is_leaf_node(i_queue) then
        perform pgq.unregister_consumer(i_queue, '.copy.' || i_table);
    end if;
end;
$$;

comment on function tailrace.end_hand_over(text, text) is
    'lets go of the events that were kept for a table''s copy';
