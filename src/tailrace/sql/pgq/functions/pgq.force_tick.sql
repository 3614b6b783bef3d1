-- pgq.force_tick(queue)
--
-- Purpose: make the next run of the ticker tick, whatever it counts, by moving the event sequence
--     ahead. Callers repeat the call until the returned id changes. No tick is made here: it would
--     have to wait for the lock of the ticker, in a transaction of which nothing is known.
-- Parameters: i_queue_name  name of the queue
-- Returns: id of the newest tick so far; NULL when there is none. A queue that is external or
--     paused is left as it is.
-- NULL: returns NULL, as for an unknown queue.
-- Tables changed: none (moves the event sequence).

create or replace function pgq.force_tick(i_queue_name text)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue pgq.queue;
begin
    select * into v_queue from pgq.queue where queue_name = i_queue_name;
    if not v_queue.queue_external_ticker and not v_queue.queue_ticker_paused then
        perform setval(v_queue.queue_event_seq::regclass,
            nextval(v_queue.queue_event_seq::regclass) + v_queue.queue_ticker_max_count * 2 + 1000);
    end if;

    return (select tick_id from pgq.tick
        where tick_queue = v_queue.queue_id order by tick_id desc limit 1);
end;
$$;
