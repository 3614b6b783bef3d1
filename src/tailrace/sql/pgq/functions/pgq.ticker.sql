-- pgq.ticker(queue)
--
-- Purpose: tick one queue when its rules (pgq.tick_is_due) say so. Without need for a tick nothing
--     is locked or written; with need the rules are asked again under the lock, since another
--     ticker may have been faster or the queue may have been paused meanwhile.
-- Parameters: i_queue_name  name of the queue
-- Returns: id of the new tick; NULL when none was needed. Raises TR009 for a queue that is paused
--     or has an external ticker, and outside read committed.
-- NULL: raises TR004, as for an unknown queue.
-- Calls: pgq.require_queue, require_read_committed, tick_is_due, lock_ticks, make_tick.
-- Tables changed: pgq.tick.

create or replace function pgq.ticker(i_queue_name text)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue pgq.queue := pgq.require_queue(i_queue_name);
begin
    if v_queue.queue_external_ticker then
        raise exception 'queue "%" gets its ticks from another node', i_queue_name
            using errcode = 'TR009', hint = 'run the ticker on the root of the queue';
    end if;
    if v_queue.queue_ticker_paused then
        raise exception 'the ticker of queue "%" is paused', i_queue_name
            using errcode = 'TR009',
                hint = format('let it go on with: select pgq.set_queue_config(%L, '
                    '''ticker_paused'', ''false'')', i_queue_name);
    end if;
    perform pgq.require_read_committed();

    if not pgq.tick_is_due(v_queue.queue_id) then
        return null;
    end if;
    perform pgq.lock_ticks();
    if not pgq.tick_is_due(v_queue.queue_id) then
        return null;
    end if;
    return pgq.make_tick(v_queue.queue_id, txid_current_snapshot(),
        pgq.seq_getval(v_queue.queue_event_seq));
end;
$$;

-- pgq.ticker(queue, tick, time, event sequence value)
--
-- Purpose: store a tick that was made on another node, with this database's own snapshot.
-- Parameters: i_queue_name      name of a queue with an external ticker
--             i_tick_id         id of the tick
--             i_orig_timestamp  its time
--             i_event_seq       last event id at the tick
-- Returns: id of the tick. Raises TR009 for a queue that is paused or has a ticker of its own, and
--     outside read committed; a tick that exists is a unique violation.
-- NULL: a NULL queue raises TR004, any other NULL violates a constraint of pgq.tick.
-- Calls: pgq.require_queue, lock_ticks, seq_setval.
-- Tables changed: pgq.tick; moves both sequences of the queue forward.

create or replace function pgq.ticker(
    i_queue_name text, i_tick_id bigint, i_orig_timestamp timestamptz, i_event_seq bigint)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue pgq.queue;
begin
    perform pgq.lock_ticks();
    v_queue := pgq.require_queue(i_queue_name);
    if not v_queue.queue_external_ticker or v_queue.queue_ticker_paused then
        raise exception 'queue "%" takes no tick % from outside: %', i_queue_name, i_tick_id,
                case when v_queue.queue_external_ticker
                    then 'its ticker is paused' else 'it has a ticker of its own' end
            using errcode = 'TR009', hint = 'look at queue_external_ticker and queue_ticker_paused';
    end if;

    insert into pgq.tick (tick_queue, tick_id, tick_time, tick_snapshot, tick_event_seq)
    values (v_queue.queue_id, i_tick_id, i_orig_timestamp, txid_current_snapshot(), i_event_seq);
    perform pgq.seq_setval(v_queue.queue_tick_seq, i_tick_id);
    perform pgq.seq_setval(v_queue.queue_event_seq, i_event_seq);
    perform pg_notify('tailrace_tick', i_queue_name);
    return i_tick_id;
end;
$$;

-- pgq.ticker()
--
-- Purpose: tick every queue that is neither external nor paused and needs it, by name. The lock is
--     taken once, before the first tick.
-- Returns: number of queues that got a tick; raises TR009 outside read committed.
-- Calls: pgq.require_read_committed, tick_is_due, lock_ticks, make_tick.
-- Tables changed: pgq.tick.

create or replace function pgq.ticker()
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue  record;
    v_locked boolean := false;
    v_count  bigint := 0;
begin
    perform pgq.require_read_committed();
    for v_queue in
        select queue_id, queue_event_seq
        from pgq.queue
        where not queue_external_ticker and not queue_ticker_paused
        order by queue_name
    loop
        continue when not pgq.tick_is_due(v_queue.queue_id);
        if not v_locked then
            perform pgq.lock_ticks();
            v_locked := true;
            continue when not pgq.tick_is_due(v_queue.queue_id);
        end if;
        perform pgq.make_tick(v_queue.queue_id, txid_current_snapshot(),
            pgq.seq_getval(v_queue.queue_event_seq));
        v_count := v_count + 1;
    end loop;
    return v_count;
end;
$$;
