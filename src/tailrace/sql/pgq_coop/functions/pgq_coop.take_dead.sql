-- pgq_coop.take_dead(subscription of the consumer, member, interval)
--
-- Purpose: remove one other member that has not been heard of for long, rather one with a batch,
--     and give its batch to this one. The caller holds the lock of the group.
-- Parameters: i_main           subscription of the consumer
--             i_member         id of the consumer row of the member that asks
--             i_dead_interval  who has been silent for longer counts as dead
-- Returns: the batch, the same as before; NULL when nobody is dead, or the dead one had none.
-- NULL: of the interval: nobody is dead.
-- Tables changed: pgq.subscription.

create or replace function pgq_coop.take_dead(
    i_main pgq.subscription, i_member int4, i_dead_interval interval)
returns bigint
language plpgsql
as $$
declare
    v_dead pgq.subscription;
begin
    select s.* into v_dead
    from pgq.subscription s
    where s.sub_queue = i_main.sub_queue and s.sub_id = i_main.sub_id
        and s.sub_consumer <> i_main.sub_consumer and s.sub_consumer <> i_member
        and s.sub_active < pg_catalog.now() - i_dead_interval
    order by s.sub_batch, s.sub_consumer
    limit 1
    for update of s;
    if not found then
        return null;
    end if;

    delete from pgq.subscription
    where sub_queue = v_dead.sub_queue and sub_consumer = v_dead.sub_consumer;
    if v_dead.sub_batch is null then
        return null;
    end if;
    update pgq.subscription
    set sub_batch = v_dead.sub_batch, sub_last_tick = v_dead.sub_last_tick,
        sub_next_tick = v_dead.sub_next_tick, sub_active = pg_catalog.now()
    where sub_queue = i_main.sub_queue and sub_consumer = i_member;
    return v_dead.sub_batch;
end;
$$;
