-- pgq.register_consumer_at(queue, consumer, tick)
--
-- Purpose: let a consumer read a queue from a given tick on, or move one that is registered.
-- Parameters: i_queue_name     name of the queue
--             i_consumer_name  name of the consumer
--             i_tick_pos       tick of this queue after which events are seen; NULL: the newest for
--                              a new consumer, no change for a registered one
-- Returns: 1 registered, 0 was registered already (and moved, if a tick was given: its open batch
--     is dropped).
-- NULL: a NULL queue raises TR004, as an unknown one; a NULL consumer raises TR001.
-- Calls: pgq.require_queue.
-- Tables changed: pgq.consumer, pgq.subscription.

create or replace function pgq.register_consumer_at(
    i_queue_name text, i_consumer_name text, i_tick_pos bigint)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue    pgq.queue := pgq.require_queue(i_queue_name);
    v_consumer int4;
    v_tick     bigint;
begin
    if i_consumer_name is null then
        raise exception 'a consumer of queue "%" needs a name, NULL was given', i_queue_name
            using errcode = 'TR001', hint = 'give the name as second argument';
    end if;

    -- The row lock holds a rotation off, which could else drop the tick that is about to be used.
    perform 1 from pgq.queue where queue_id = v_queue.queue_id for share;
    select tick_id into v_tick from pgq.tick
    where tick_queue = v_queue.queue_id and (i_tick_pos is null or tick_id = i_tick_pos)
    order by tick_id desc limit 1;
    if not found then
        raise exception 'queue "%" has no tick%, consumer "%" cannot start there',
                i_queue_name, coalesce(' ' || i_tick_pos, ' yet'), i_consumer_name
            using errcode = 'TR004', hint = (
                select format('the ticks kept are %s to %s', min(tick_id), max(tick_id))
                from pgq.tick where tick_queue = v_queue.queue_id);
    end if;

    insert into pgq.consumer (co_name)
    select i_consumer_name
    where not exists (select 1 from pgq.consumer where co_name = i_consumer_name)
    on conflict (co_name) do nothing;
    select co_id into strict v_consumer
    from pgq.consumer where co_name = i_consumer_name for key share;

    if i_tick_pos is not null then
        update pgq.subscription
        set sub_last_tick = v_tick, sub_batch = null, sub_next_tick = null, sub_active = now()
        where sub_queue = v_queue.queue_id and sub_consumer = v_consumer;
        if found then
            return 0;
        end if;
    end if;
    insert into pgq.subscription (sub_queue, sub_consumer, sub_last_tick)
    select v_queue.queue_id, v_consumer, v_tick
    where not exists (select 1 from pgq.subscription
        where sub_queue = v_queue.queue_id and sub_consumer = v_consumer)
    on conflict (sub_queue, sub_consumer) do nothing;
    return case when found then 1 else 0 end;
end;
$$;
