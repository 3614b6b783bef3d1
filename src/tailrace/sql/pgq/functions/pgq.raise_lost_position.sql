-- pgq.raise_lost_position(queue id, tick, consumer)
--
-- Purpose: the one message for a tick that is needed and no longer kept.
-- Parameters: i_queue_id       queue
--             i_tick_id        the tick
--             i_consumer_name  who needs it; NULL: nobody is named
-- Returns: nothing; always raises TR020.
-- NULL: see above.

create or replace function pgq.raise_lost_position(
    i_queue_id int4, i_tick_id bigint, i_consumer_name text)
returns void
language plpgsql
as $$
declare
    v_oldest bigint := (select pg_catalog.min(tick_id) from pgq.tick
        where tick_queue = i_queue_id);
begin
    raise exception '%tick % of queue "%" is needed, the oldest kept is %',
            coalesce('consumer "' || i_consumer_name || '": ', ''),
            coalesce(i_tick_id::text, '<NULL>'),
            coalesce((select queue_name from pgq.queue where queue_id = i_queue_id),
                i_queue_id::text),
            coalesce(v_oldest::text, 'not there')
        using errcode = 'TR020',
            hint = 'register the consumer again from the newest tick, or resync';
end;
$$;
