-- pgq.get_consumer_info([queue [, consumer]])
--
-- Purpose: position of one consumer, of all consumers of a queue, or of all.
-- Parameters: i_queue_name     name of the queue
--             i_consumer_name  name of the consumer
-- Returns: a row for each subscription, by queue and consumer. lag is the age of the last finished
--     tick, last_seen the time since the consumer was last active, pending_events how far the event
--     sequence has come from that tick to the newest one (an estimate).
-- NULL: all queues, all consumers.

create or replace function pgq.get_consumer_info(
    i_queue_name text, i_consumer_name text,
    out queue_name text, out consumer_name text, out lag interval, out last_seen interval,
    out last_tick bigint, out current_batch bigint, out next_tick bigint,
    out pending_events bigint)
returns setof record
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
    select q.queue_name, c.co_name, now() - last.tick_time, now() - s.sub_active,
        s.sub_last_tick, s.sub_batch, s.sub_next_tick,
        newest.tick_event_seq - last.tick_event_seq
    from pgq.subscription s
        join pgq.queue q on q.queue_id = s.sub_queue
        join pgq.consumer c on c.co_id = s.sub_consumer
        left join pgq.tick last
            on last.tick_queue = s.sub_queue and last.tick_id = s.sub_last_tick
        left join lateral (select t.tick_event_seq from pgq.tick t
            where t.tick_queue = s.sub_queue
            order by t.tick_id desc limit 1) newest on true
    where (i_queue_name is null or q.queue_name = i_queue_name)
        and (i_consumer_name is null or c.co_name = i_consumer_name)
    order by q.queue_name, c.co_name;
$$;

create or replace function pgq.get_consumer_info(
    i_queue_name text,
    out queue_name text, out consumer_name text, out lag interval, out last_seen interval,
    out last_tick bigint, out current_batch bigint, out next_tick bigint,
    out pending_events bigint)
returns setof record
language sql
as $$
    select * from pgq.get_consumer_info(i_queue_name, null);
$$;

create or replace function pgq.get_consumer_info(
    out queue_name text, out consumer_name text, out lag interval, out last_seen interval,
    out last_tick bigint, out current_batch bigint, out next_tick bigint,
    out pending_events bigint)
returns setof record
language sql
as $$
    select * from pgq.get_consumer_info(null, null);
$$;
