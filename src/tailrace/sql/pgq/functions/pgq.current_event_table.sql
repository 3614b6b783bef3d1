-- pgq.current_event_table(queue)
--
-- Purpose: the table to COPY events into. Valid in the calling transaction only, because a
--     rotation may follow it.
-- Parameters: i_queue_name  name of the queue
-- Returns: schema.table, ready for use in SQL; never NULL.
-- NULL: raises TR004, as for an unknown queue.
-- Calls: pgq.require_queue, refuse_stale_queue, refuse_disabled_queue.

create or replace function pgq.current_event_table(i_queue_name text)
returns text
language plpgsql
as $$
declare
    v_queue pgq.queue;
begin
    -- First an id for the transaction, then the look at the queue: see pgq.insert_event_raw.
    perform pg_catalog.txid_current();
    v_queue := pgq.require_queue(i_queue_name);
    if pg_catalog.current_setting('transaction_isolation') <> 'read committed' then
        perform pgq.refuse_stale_queue(v_queue.queue_id);
    end if;
    if v_queue.queue_disable_insert
       and pg_catalog.current_setting('session_replication_role') <> 'replica' then
        perform pgq.refuse_disabled_queue(i_queue_name);
    end if;
    return v_queue.queue_data_pfx || '_' || v_queue.queue_cur_table;
end;
$$;
