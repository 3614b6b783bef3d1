-- pgq.tick_is_due(queue id)
--
-- Purpose: the rules of the ticker. Events wait: tick when there are enough of them or the last
--     tick is old enough. None wait: tick at growing distance, so that the time between two ticks
--     about doubles up to queue_ticker_idle_period; those ticks show consumers that all is well,
--     and carry events that the count has missed.
-- Parameters: i_queue_id  queue
-- Returns: true when a tick is to be made now; false also for a queue that is external, paused or
--     gone. Raises TR009 when the newest tick is from the future of this cluster.
-- NULL: false.
-- Calls: pgq.seq_getval.

create or replace function pgq.tick_is_due(i_queue_id int4)
returns boolean
language plpgsql
as $$
declare
    v_last    record;
    v_waiting bigint;
    v_xmax    bigint := pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot());
    v_gap     interval;
begin
    select q.queue_name, q.queue_ticker_max_count, q.queue_ticker_max_lag,
        q.queue_ticker_idle_period, q.queue_event_seq,
        t.tick_id, t.tick_event_seq, t.tick_time, t.tick_snapshot,
        pg_catalog.now() - t.tick_time as lag
    into v_last
    from pgq.queue q
        left join lateral (select * from pgq.tick
            where tick_queue = q.queue_id order by tick_id desc limit 1) t on true
    where q.queue_id = i_queue_id and not q.queue_external_ticker and not q.queue_ticker_paused;
    if not found then
        return false;
    end if;
    if v_last.tick_id is null then
        return true;
    end if;

    v_waiting := pgq.seq_getval(v_last.queue_event_seq) - v_last.tick_event_seq;
    -- A look at the next transaction id is enough here; drawing one at each poll would be a waste.
    if pg_catalog.txid_snapshot_xmin(v_last.tick_snapshot) > v_xmax then
        raise exception 'queue "%": transaction ids of tick % (from %) are above the current %',
                v_last.queue_name, v_last.tick_id,
                pg_catalog.txid_snapshot_xmin(v_last.tick_snapshot), v_xmax
            using errcode = 'TR009',
                hint = 'the database was restored into a cluster with lower transaction ids; '
                    'drop the queue and create it again';
    elsif pg_catalog.txid_snapshot_xmax(v_last.tick_snapshot) > v_xmax then
        raise warning 'queue "%": tick % ends above the current transaction id %',
            v_last.queue_name, v_last.tick_id, v_xmax;
    end if;
    if v_waiting < 0 then
        raise warning 'queue "%": the event sequence is % below its value at tick %',
            v_last.queue_name, -v_waiting, v_last.tick_id;
    end if;

    if v_waiting > 0 then
        return v_waiting >= v_last.queue_ticker_max_count
            or v_last.lag >= v_last.queue_ticker_max_lag;
    end if;
    select v_last.tick_time - p.tick_time into v_gap
    from pgq.tick p
    where p.tick_queue = i_queue_id and p.tick_id < v_last.tick_id
    order by p.tick_id desc limit 1;
    return v_gap is null
        or not (v_last.lag < v_last.queue_ticker_max_lag / 2
            or (v_last.lag < v_gap * 2 and v_last.lag < v_last.queue_ticker_idle_period));
end;
$$;
