-- pgq.next_batch(queue, consumer)
--
-- Purpose: open the next batch of a consumer, up to the following tick, or give the open one again.
-- Parameters: i_queue_name     name of the queue
--             i_consumer_name  name of the consumer
-- Returns: id of the batch; NULL when there is no batch yet. A batch may be empty and is to be
--     finished all the same.
-- NULL: raises TR004.
-- Calls: pgq.next_batch_custom.
-- Tables changed: pgq.subscription.

create or replace function pgq.next_batch(i_queue_name text, i_consumer_name text)
returns bigint
language sql
as $$
    select batch_id
    from pgq.next_batch_custom(i_queue_name, i_consumer_name, null, null, null);
$$;
