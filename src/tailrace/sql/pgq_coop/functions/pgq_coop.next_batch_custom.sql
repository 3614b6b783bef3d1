-- pgq_coop.next_batch_custom(queue, consumer, member, min lag, min count, min interval [, dead interval])
--
-- Purpose: give a member the next batch of its consumer, or the one that it has open again. The
--     batch is closed for the consumer at once, so that the next member gets the next one; it stays
--     open for the member, which holds rotation back. Consumer and member are registered where they
--     are not yet.
-- Parameters: i_queue_name        name of the queue
--             i_consumer_name     name of the consumer that the members share
--             i_subconsumer_name  name of the member within it
--             i_min_lag, i_min_count, i_min_interval  see pgq.next_batch_custom
--             i_dead_interval     one other member that has been silent for longer is removed, and
--                                 its batch given to this one; NULL: none is
-- Returns: id of the batch; NULL when there is none yet. Raises TR009 when the consumer itself has a
--     batch open.
-- NULL: of a name: see pgq_coop.register_subconsumer.
-- Calls: pgq_coop.lock_group, find_member, register_subconsumer, take_dead, pgq.next_batch_custom.
-- Tables changed: pgq.subscription, pgq.consumer.

create or replace function pgq_coop.next_batch_custom(
    i_queue_name text, i_consumer_name text, i_subconsumer_name text,
    i_min_lag interval, i_min_count int4, i_min_interval interval, i_dead_interval interval)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_main   pgq.subscription := pgq_coop.lock_group(i_queue_name, i_consumer_name);
    v_member pgq.subscription := pgq_coop.find_member(v_main, i_consumer_name, i_subconsumer_name);
    v_next   record;
    v_batch  bigint;
begin
    if v_member.sub_consumer is null then
        perform pgq_coop.register_subconsumer(i_queue_name, i_consumer_name, i_subconsumer_name);
        v_main := pgq_coop.lock_group(i_queue_name, i_consumer_name);
        v_member := pgq_coop.find_member(v_main, i_consumer_name, i_subconsumer_name);
    end if;
    if v_main.sub_batch is not null then
        raise exception 'consumer "%" of queue "%" has batch % open itself, so members cannot share its work',
                i_consumer_name, i_queue_name, v_main.sub_batch
            using errcode = 'TR009',
                hint = format('finish it with: select pgq.finish_batch(%s)', v_main.sub_batch);
    end if;
    -- Who asks lives. Asking in vain again and again is not worth a new row version each time.
    if v_member.sub_batch is not null or v_member.sub_active < now() - interval '10 seconds' then
        update pgq.subscription set sub_active = now()
        where sub_queue = v_member.sub_queue and sub_consumer = v_member.sub_consumer;
    end if;
    if v_member.sub_batch is not null then
        return v_member.sub_batch;
    end if;

    v_batch := pgq_coop.take_dead(v_main, v_member.sub_consumer, i_dead_interval);
    if v_batch is not null then
        return v_batch;
    end if;
    select * into v_next
    from pgq.next_batch_custom(i_queue_name, i_consumer_name, i_min_lag, i_min_count, i_min_interval);
    if v_next.batch_id is null then
        return null;
    end if;
    -- The consumer lets go first: no two subscriptions have the same batch.
    update pgq.subscription
    set sub_batch = null, sub_next_tick = null, sub_last_tick = v_next.cur_tick_id, sub_active = now()
    where sub_queue = v_main.sub_queue and sub_consumer = v_main.sub_consumer;
    update pgq.subscription
    set sub_batch = v_next.batch_id, sub_last_tick = v_next.prev_tick_id,
        sub_next_tick = v_next.cur_tick_id, sub_active = now()
    where sub_queue = v_main.sub_queue and sub_consumer = v_member.sub_consumer;
    return v_next.batch_id;
end;
$$;

create or replace function pgq_coop.next_batch_custom(
    i_queue_name text, i_consumer_name text, i_subconsumer_name text,
    i_min_lag interval, i_min_count int4, i_min_interval interval)
returns bigint
language sql
as $$
    select pgq_coop.next_batch_custom(i_queue_name, i_consumer_name, i_subconsumer_name,
        i_min_lag, i_min_count, i_min_interval, null);
$$;
