-- pgq.next_batch_info(queue, consumer)
--
-- Purpose: open the next batch of a consumer, up to the following tick, or give the open one again.
-- Parameters: i_queue_name     name of the queue
--             i_consumer_name  name of the consumer
-- Returns: one row: the batch and its two ticks; all NULL when there is no batch yet.
-- NULL: raises TR004.
-- Calls: pgq.next_batch_custom.
-- Tables changed: pgq.subscription.

create or replace function pgq.next_batch_info(
    i_queue_name text, i_consumer_name text,
    out batch_id bigint, out cur_tick_id bigint, out prev_tick_id bigint,
    out cur_tick_time timestamptz, out prev_tick_time timestamptz,
    out cur_tick_event_seq bigint, out prev_tick_event_seq bigint)
returns record
language sql
as $$
    select * from pgq.next_batch_custom(i_queue_name, i_consumer_name, null, null, null);
$$;
