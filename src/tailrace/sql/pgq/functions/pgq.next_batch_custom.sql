-- pgq.next_batch_custom(queue, consumer, min lag, min count, min interval)
--
-- Purpose: open the next batch of a consumer, or give the one that is open again. Two calls at the
--     same moment get the same batch. A call that finds nothing writes nothing.
-- Parameters: i_queue_name     name of the queue
--             i_consumer_name  name of the consumer
--             i_min_lag        the batch must have ended this long ago; NULL: any
--             i_min_count      events (about) that the batch should hold; NULL: any
--             i_min_interval   time that the batch should span; NULL: any. With i_min_count, too,
--                              one of both is enough
-- Returns: one row: the batch and its two ticks; all NULL when there is no batch yet. Raises TR004
--     when the consumer is not registered, TR020 when its position is lost.
-- NULL: queue or consumer NULL raises TR004.
-- Calls: pgq.find_next_tick, raise_lost_position.
-- Tables changed: pgq.subscription.

create or replace function pgq.next_batch_custom(
    i_queue_name text, i_consumer_name text,
    i_min_lag interval, i_min_count int4, i_min_interval interval,
    out batch_id bigint, out cur_tick_id bigint, out prev_tick_id bigint,
    out cur_tick_time timestamptz, out prev_tick_time timestamptz,
    out cur_tick_event_seq bigint, out prev_tick_event_seq bigint)
returns record
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_sub  record;
    v_prev pgq.tick;
    v_cur  pgq.tick;
begin
    loop
        select s.sub_queue, s.sub_consumer, s.sub_last_tick, s.sub_next_tick, s.sub_batch
        into v_sub
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

        select * into v_prev from pgq.tick
        where tick_queue = v_sub.sub_queue and tick_id = v_sub.sub_last_tick;
        if not found then
            perform pgq.raise_lost_position(v_sub.sub_queue, v_sub.sub_last_tick, i_consumer_name);
        end if;

        if v_sub.sub_batch is not null then
            select * into v_cur from pgq.tick
            where tick_queue = v_sub.sub_queue and tick_id = v_sub.sub_next_tick;
            exit;
        end if;

        v_cur := pgq.find_next_tick(v_sub.sub_queue, v_prev, i_min_count, i_min_interval);
        if v_cur.tick_id is null or now() - v_cur.tick_time < i_min_lag then
            return;
        end if;

        -- Compare and set: when another session has been faster, its batch is the one.
        update pgq.subscription
        set sub_batch = nextval('pgq.batch_id_seq'), sub_next_tick = v_cur.tick_id,
            sub_active = now()
        where sub_queue = v_sub.sub_queue and sub_consumer = v_sub.sub_consumer
            and sub_batch is null and sub_last_tick = v_prev.tick_id
        returning sub_batch into v_sub.sub_batch;
        exit when found;
    end loop;

    batch_id := v_sub.sub_batch;
    cur_tick_id := v_cur.tick_id;
    prev_tick_id := v_prev.tick_id;
    cur_tick_time := v_cur.tick_time;
    prev_tick_time := v_prev.tick_time;
    cur_tick_event_seq := v_cur.tick_event_seq;
    prev_tick_event_seq := v_prev.tick_event_seq;
end;
$$;
