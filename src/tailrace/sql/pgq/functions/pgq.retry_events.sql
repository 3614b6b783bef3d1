-- pgq.retry_events(batch, event, time)
--
-- Purpose: put events of an open batch into the retry queue (internal part of event_retry and
--     batch_retry). Events that wait there for this subscription already stay as they are.
-- Parameters: i_batch_id    id of the batch
--             i_event_id    id of one event; NULL: all events of the batch
--             i_retry_time  time from which they may return
-- Returns: how many were found in the batch and how many were put into the retry queue.
-- Calls: pgq.batch_event_sql.
-- Tables changed: pgq.retry_queue.

create or replace function pgq.retry_events(
    i_batch_id bigint, i_event_id bigint, i_retry_time timestamptz,
    out found_count bigint, out queued_count bigint)
returns record
language plpgsql
as $$
declare
    v_sql text := pgq.batch_event_sql(i_batch_id);
    v_sub pgq.subscription;
begin
    select * into v_sub from pgq.subscription where sub_batch = i_batch_id;
    execute 'with picked as (select * from (' || v_sql || ') as ev'
            || ' where $1 is null or ev.ev_id = $1),'
            || ' queued as (insert into pgq.retry_queue (ev_retry_after, ev_queue, ev_id, ev_time,'
            || ' ev_txid, ev_owner, ev_retry, ev_type, ev_data,'
            || ' ev_extra1, ev_extra2, ev_extra3, ev_extra4)'
            || ' select $2, $3, ev_id, ev_time, null, $4, coalesce(ev_retry, 0) + 1,'
            || ' ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4'
            || ' from picked order by ev_id on conflict (ev_owner, ev_id) do nothing returning 1)'
            || ' select (select pg_catalog.count(*) from picked),'
            || ' (select pg_catalog.count(*) from queued)'
        into found_count, queued_count
        using i_event_id, i_retry_time, v_sub.sub_queue, v_sub.sub_id;
end;
$$;
