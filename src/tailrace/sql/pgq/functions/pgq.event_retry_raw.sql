-- pgq.event_retry_raw(queue, consumer, retry after, id, time, retry, type, data, extra1 .. extra4)
--
-- Purpose: put an event into the retry queue that is not in an open batch.
-- Parameters: i_queue_name, i_consumer_name  whose event it is
--             i_retry_after                  time from which it may return
--             i_ev_id                        id; NULL: next of the event sequence
--             i_ev_time, i_ev_retry, i_ev_type .. i_ev_extra4  the other fields, as they are
-- Returns: id of the event. Raises TR004 when the consumer is not registered; an event that is in
--     the retry queue of this consumer already is a unique violation.
-- NULL: of queue or consumer raises TR004, of a time violates a constraint of pgq.retry_queue.
-- Tables changed: pgq.retry_queue.

create or replace function pgq.event_retry_raw(
    i_queue_name text, i_consumer_name text, i_retry_after timestamptz,
    i_ev_id bigint, i_ev_time timestamptz, i_ev_retry int4, i_ev_type text, i_ev_data text,
    i_ev_extra1 text, i_ev_extra2 text, i_ev_extra3 text, i_ev_extra4 text)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_sub record;
    v_id  bigint := i_ev_id;
begin
    select s.sub_id, s.sub_queue, q.queue_event_seq into v_sub
    from pgq.subscription s
        join pgq.queue q on q.queue_id = s.sub_queue
        join pgq.consumer c on c.co_id = s.sub_consumer
    where q.queue_name = i_queue_name and c.co_name = i_consumer_name;
    if not found then
        raise exception 'consumer "%" is not registered on queue "%" of database "%"',
                coalesce(i_consumer_name, '<NULL>'), coalesce(i_queue_name, '<NULL>'),
                current_database()
            using errcode = 'TR004',
                hint = format('register it with: select pgq.register_consumer(%L, %L)',
                    i_queue_name, i_consumer_name);
    end if;

    if v_id is null then
        v_id := nextval(v_sub.queue_event_seq::regclass);
    end if;
    insert into pgq.retry_queue (ev_retry_after, ev_queue, ev_id, ev_time, ev_txid, ev_owner,
        ev_retry, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4)
    values (i_retry_after, v_sub.sub_queue, v_id, i_ev_time, null, v_sub.sub_id,
        i_ev_retry, i_ev_type, i_ev_data, i_ev_extra1, i_ev_extra2, i_ev_extra3, i_ev_extra4);
    return v_id;
end;
$$;
