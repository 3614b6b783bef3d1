-- pgq.unregister_consumer(queue, consumer)
--
-- Purpose: end the subscription of a consumer. A cooperative consumer goes with all its members
--     (they have its sub_id and are called <consumer>.<member>); a member goes alone, and events
--     that were sent back for later stay with the others.
-- Parameters: i_queue_name     name of the queue
--             i_consumer_name  name of the consumer
-- Returns: number of subscriptions removed, 0 if there was none.
-- NULL: returns 0, as for unknown names.
-- Tables changed: pgq.subscription, consumer (the named one, when it reads nothing else),
--     retry_queue.

create or replace function pgq.unregister_consumer(i_queue_name text, i_consumer_name text)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_sub     record;
    v_is_main boolean;
    v_count   int4;
begin
    select s.sub_id, s.sub_queue, s.sub_consumer into v_sub
    from pgq.subscription s
        join pgq.queue q on q.queue_id = s.sub_queue
        join pgq.consumer c on c.co_id = s.sub_consumer
    where q.queue_name = i_queue_name and c.co_name = i_consumer_name
    for update of s;
    if not found then
        return 0;
    end if;

    -- The consumer is the one whose name begins the names of all others of the group.
    select coalesce(bool_and(starts_with(c.co_name, i_consumer_name || '.')), true)
    into v_is_main
    from pgq.subscription s join pgq.consumer c on c.co_id = s.sub_consumer
    where s.sub_queue = v_sub.sub_queue and s.sub_id = v_sub.sub_id
        and s.sub_consumer <> v_sub.sub_consumer;

    delete from pgq.subscription
    where sub_queue = v_sub.sub_queue and sub_id = v_sub.sub_id
        and (v_is_main or sub_consumer = v_sub.sub_consumer);
    get diagnostics v_count = row_count;

    delete from pgq.retry_queue
    where v_is_main and ev_owner = v_sub.sub_id and ev_queue = v_sub.sub_queue;
    delete from pgq.consumer c
    where c.co_id = v_sub.sub_consumer
        and not exists (select 1 from pgq.subscription s where s.sub_consumer = c.co_id);
    return v_count;
end;
$$;
