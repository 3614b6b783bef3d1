-- pgq_coop.lock_group(queue, consumer)
--
-- Purpose: find the subscription of a consumer that members share, and hold it: only one of them
--     gets a batch at a time, joins or leaves.
-- Parameters: i_queue_name     name of the queue
--             i_consumer_name  name of the consumer, not of a member
-- Returns: row of pgq.subscription; all NULL when the consumer is not registered.
-- NULL: all NULL.
-- Tables changed: none (a row lock on pgq.subscription).

create or replace function pgq_coop.lock_group(i_queue_name text, i_consumer_name text)
returns pgq.subscription
language plpgsql
as $$
declare
    v_main pgq.subscription;
begin
    select s.* into v_main
    from pgq.subscription s
        join pgq.queue q on q.queue_id = s.sub_queue
        join pgq.consumer c on c.co_id = s.sub_consumer
    where q.queue_name = i_queue_name and c.co_name = i_consumer_name
    for update of s;
    return v_main;
end;
$$;
