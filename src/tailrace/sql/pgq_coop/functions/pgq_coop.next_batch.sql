-- pgq_coop.next_batch(queue, consumer, member [, dead interval])
--
-- Purpose: give a member the next batch of its consumer, up to the following tick, or the one that
--     it has open again.
-- Parameters: i_queue_name        name of the queue
--             i_consumer_name     name of the consumer that the members share
--             i_subconsumer_name  name of the member within it
--             i_dead_interval     take over from a member that has been silent for longer
-- Returns: id of the batch; NULL when there is none yet.
-- NULL: see pgq_coop.next_batch_custom.
-- Calls: pgq_coop.next_batch_custom.
-- Tables changed: pgq.subscription, pgq.consumer.

create or replace function pgq_coop.next_batch(
    i_queue_name text, i_consumer_name text, i_subconsumer_name text)
returns bigint
language sql
as $$
    select pgq_coop.next_batch_custom(i_queue_name, i_consumer_name, i_subconsumer_name,
        null, null, null, null);
$$;

create or replace function pgq_coop.next_batch(
    i_queue_name text, i_consumer_name text, i_subconsumer_name text, i_dead_interval interval)
returns bigint
language sql
as $$
    select pgq_coop.next_batch_custom(i_queue_name, i_consumer_name, i_subconsumer_name,
        null, null, null, i_dead_interval);
$$;
