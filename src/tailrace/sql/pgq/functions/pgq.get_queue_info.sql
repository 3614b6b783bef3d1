-- pgq.get_queue_info([queue])
--
-- Purpose: settings and state of one queue or of all.
-- Parameters: i_queue_name  name of the queue
-- Returns: a row for each queue, by name. ticker_lag is the age of the newest tick, ev_per_sec the
--     rate over the last 20 ticks (NULL when there is only one), ev_new how far the event sequence
--     has come since the newest tick.
-- NULL: all queues.
-- Calls: pgq.seq_getval.

create or replace function pgq.get_queue_info(
    i_queue_name text,
    out queue_name text, out queue_ntables int4, out queue_cur_table int4,
    out queue_rotation_period interval, out queue_switch_time timestamptz,
    out queue_external_ticker boolean, out queue_ticker_paused boolean,
    out queue_ticker_max_count int4, out queue_ticker_max_lag interval,
    out queue_ticker_idle_period interval, out ticker_lag interval,
    out ev_per_sec float8, out ev_new bigint, out last_tick_id bigint)
returns setof record
language sql
as $$
    select q.queue_name, q.queue_ntables, q.queue_cur_table,
        q.queue_rotation_period, q.queue_switch_time,
        q.queue_external_ticker, q.queue_ticker_paused,
        q.queue_ticker_max_count, q.queue_ticker_max_lag, q.queue_ticker_idle_period,
        pg_catalog.now() - newest.tick_time,
        (newest.tick_event_seq - oldest.tick_event_seq)
            / nullif(extract(epoch from newest.tick_time - oldest.tick_time), 0)::float8,
        pgq.seq_getval(q.queue_event_seq) - newest.tick_event_seq,
        newest.tick_id
    from pgq.queue q
        left join lateral (select * from pgq.tick t
            where t.tick_queue = q.queue_id
            order by t.tick_id desc limit 1) newest on true
        left join lateral (select * from pgq.tick t
            where t.tick_queue = q.queue_id and t.tick_id >= newest.tick_id - 20
            order by t.tick_id limit 1) oldest on true
    where i_queue_name is null or q.queue_name = i_queue_name
    order by q.queue_name;
$$;

create or replace function pgq.get_queue_info(
    out queue_name text, out queue_ntables int4, out queue_cur_table int4,
    out queue_rotation_period interval, out queue_switch_time timestamptz,
    out queue_external_ticker boolean, out queue_ticker_paused boolean,
    out queue_ticker_max_count int4, out queue_ticker_max_lag interval,
    out queue_ticker_idle_period interval, out ticker_lag interval,
    out ev_per_sec float8, out ev_new bigint, out last_tick_id bigint)
returns setof record
language sql
as $$
    select * from pgq.get_queue_info(null);
$$;
