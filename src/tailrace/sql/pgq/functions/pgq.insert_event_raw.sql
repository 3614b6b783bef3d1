-- pgq.insert_event_raw(queue, id, time, owner, retry, type, data, extra1 .. extra4)
--
-- Purpose: insert one event with all its fields. A number of the event sequence is used up even
--     when an id is given and when the insert fails: the ticker counts by that sequence.
-- Parameters: i_queue_name             name of the queue
--             i_ev_id                  id; NULL: next of the sequence
--             i_ev_time                time; NULL: now()
--             i_ev_owner               subscription that alone sees it; NULL: everybody
--             i_ev_retry               how often it was retried; NULL: never
--             i_ev_type .. i_ev_extra4 payload
-- Returns: id of the event; never NULL.
-- NULL: a NULL queue raises TR004, as an unknown one; see above for the others.
-- Calls: pgq.require_queue, refuse_stale_queue, refuse_disabled_queue, count_events.
-- Tables changed: the current event table of the queue.

create or replace function pgq.insert_event_raw(
    i_queue_name text, i_ev_id bigint, i_ev_time timestamptz, i_ev_owner int4, i_ev_retry int4,
    i_ev_type text, i_ev_data text,
    i_ev_extra1 text, i_ev_extra2 text, i_ev_extra3 text, i_ev_extra4 text)
returns bigint
language plpgsql
as $$
declare
    -- The transaction gets its id before it looks which table is current. Rotation relies on it:
    -- whoever has an id above queue_switch_step2 got it after the switch was committed, so the
    -- statement below, which has a newer snapshot, sees the switch.
    v_txid     bigint := pg_catalog.txid_current();
    v_queue_id int4;
    v_table    text;
    v_seq      text;
    v_disabled boolean;
    v_limit    int4;
    v_id       bigint;
begin
    select queue_id, queue_data_pfx || '_' || queue_cur_table, queue_event_seq,
        queue_disable_insert, queue_per_tx_limit
    into v_queue_id, v_table, v_seq, v_disabled, v_limit
    from pgq.queue where queue_name = i_queue_name;
    if not found then
        perform pgq.require_queue(i_queue_name);
    end if;
    if pg_catalog.current_setting('transaction_isolation') <> 'read committed' then
        perform pgq.refuse_stale_queue(v_queue_id);
    end if;

    v_id := pg_catalog.nextval(v_seq::pg_catalog.regclass);
    if v_disabled
       and pg_catalog.current_setting('session_replication_role') <> 'replica' then
        perform pgq.refuse_disabled_queue(i_queue_name);
    end if;
    if v_limit is not null then
        perform pgq.count_events(v_queue_id, i_queue_name, v_limit);
    end if;

    v_id := coalesce(i_ev_id, v_id);
    execute 'insert into ' || v_table
            || ' (ev_id, ev_time, ev_txid, ev_owner, ev_retry, ev_type, ev_data,'
            || ' ev_extra1, ev_extra2, ev_extra3, ev_extra4)'
            || ' values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)'
        using v_id, coalesce(i_ev_time, pg_catalog.now()), v_txid, i_ev_owner, i_ev_retry,
            i_ev_type, i_ev_data, i_ev_extra1, i_ev_extra2, i_ev_extra3, i_ev_extra4;
    return v_id;
end;
$$;
