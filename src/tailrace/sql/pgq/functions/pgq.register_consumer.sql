-- pgq.register_consumer(queue, consumer)
--
-- Purpose: let a consumer read a queue from its newest tick on. Events inserted after that tick and
--     before the registration are seen, too.
-- Parameters: i_queue_name     name of the queue
--             i_consumer_name  name of the consumer
-- Returns: 1 registered, 0 was registered already.
-- NULL: see pgq.register_consumer_at.
-- Calls: pgq.register_consumer_at.
-- Tables changed: pgq.consumer, pgq.subscription.

create or replace function pgq.register_consumer(i_queue_name text, i_consumer_name text)
returns int4
language sql
as $$
    select pgq.register_consumer_at(i_queue_name, i_consumer_name, null);
$$;
