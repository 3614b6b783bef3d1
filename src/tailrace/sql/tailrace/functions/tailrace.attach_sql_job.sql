create or replace function tailrace.attach_sql_job(
    i_queue    text,
    i_consumer text,
    i_beside   text
) returns bigint
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.attach_sql_job(3)
--
--      Register the consumer of a leaf's SQL job on the provider's queue; one that is registered
--      stays where it is. Run on the provider.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer of the job
--      i_beside    - consumer that still holds all events that the job will need: the leaf's worker, where
--                    the job begins with the rows of the leaf; NULL: the job begins now
--
-- Returns:
--      its tick
--
-- Calls:
--      pgq.register_consumer_at, pgq_node.queue_top
-- Tables directly manipulated:
--      lock - pgq.subscription
-- ----------------------------------------------------------------------
declare
    v_tick bigint;
begin
    select c.last_tick into v_tick from pgq.get_consumer_info(i_queue, i_consumer) as c;
    if found then
        return v_tick;
    end if;
    if i_beside is not null then
        -- the lock keeps it from moving on before we hold the same events
        select s.sub_last_tick into v_tick
        from pgq.subscription as s
        join pgq.queue as q on q.queue_id = s.sub_queue
        join pgq.consumer as c on c.co_id = s.sub_consumer
        where q.queue_name = i_queue and c.co_name = i_beside
        for no key update of s;
    end if;
    v_tick := coalesce(v_tick, pgq_node.queue_top(i_queue));
    perform pgq.register_consumer_at(i_queue, i_consumer, v_tick);
    return v_tick;
end;
$body$;

comment on function tailrace.attach_sql_job(text, text, text) is
    'registers the consumer of a leaf''s SQL job on the queue of the provider';
