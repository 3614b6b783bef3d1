-- pgq.maint_retry_events()
--
-- Purpose: move up to ten events that are due from the retry queue back into their queues, oldest
--     first. They keep everything but the transaction id, and draw a number of the event sequence,
--     so that the ticker counts them. One caller at a time. Queues whose inserts are disabled take
--     them, too: nothing new comes in, and only the consumer that sent them back sees them.
-- Returns: number of events moved; 0: none was due.
-- Tables changed: pgq.retry_queue and current event tables.

create or replace function pgq.maint_retry_events()
returns int4
language plpgsql
as $$
declare
    v_event record;
    v_count int4 := 0;
begin
    lock table pgq.retry_queue in share update exclusive mode;
    -- First an id for the transaction, then the look at the queues: see pgq.insert_event_raw.
    perform pg_catalog.txid_current();
    for v_event in
        select r.*, q.queue_event_seq,
            q.queue_data_pfx || '_' || q.queue_cur_table as event_table
        from pgq.retry_queue r join pgq.queue q on q.queue_id = r.ev_queue
        where r.ev_retry_after <= pg_catalog.now()
        order by r.ev_retry_after
        limit 10
    loop
        if pg_catalog.current_setting('transaction_isolation') <> 'read committed' then
            perform pgq.refuse_stale_queue(v_event.ev_queue);
        end if;
        perform pg_catalog.nextval(v_event.queue_event_seq::pg_catalog.regclass);
        execute 'insert into ' || v_event.event_table
                || ' (ev_id, ev_time, ev_owner, ev_retry, ev_type, ev_data,'
                || ' ev_extra1, ev_extra2, ev_extra3, ev_extra4)'
                || ' values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)'
            using v_event.ev_id, v_event.ev_time, v_event.ev_owner, v_event.ev_retry,
                v_event.ev_type, v_event.ev_data, v_event.ev_extra1, v_event.ev_extra2,
                v_event.ev_extra3, v_event.ev_extra4;
        delete from pgq.retry_queue
        where ev_owner = v_event.ev_owner and ev_id = v_event.ev_id;
        v_count := v_count + 1;
    end loop;
    return v_count;
end;
$$;
