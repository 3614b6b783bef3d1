create or replace function tailrace.event_table(i_capture_id integer)
returns text
language plpgsql
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.event_table(1)
--
--      Where events of a captured table are written now, for the rarer ways
--      of capture (TRUNCATE, whole partitions, single rows). The descriptor
--      is in the queue when it returns.
--
-- Parameters:
--      i_capture_id    tailrace.table_info.capture_id
-- Returns:
--      name of the event table; NULL when nothing is to be written
-- Raises:
--      TR009 when the queue of the table takes no events here
--      40001 when this transaction's snapshot is older than a rotation
-- Calls:
--      tailrace.refuse_or_note(1), tailrace.send_relation(1)
-- ----------------------------------------------------------------------
declare
    v_queue pgq.queue;
begin
    select q.* into strict v_queue from tailrace.table_info i join pgq.queue q using (queue_name)
     where i.capture_id = i_capture_id;
    if v_queue.queue_disable_insert or current_setting('session_replication_role') = 'local' then
        perform tailrace.refuse_or_note(i_capture_id);
        return null;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        perform pgq.refuse_stale_queue(v_queue.queue_id);
    end if;
    perform tailrace.send_relation(i_capture_id);
    return v_queue.queue_data_pfx || '_' || v_queue.queue_cur_table;
end
$$;
