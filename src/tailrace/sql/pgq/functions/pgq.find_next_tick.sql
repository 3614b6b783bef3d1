-- pgq.find_next_tick(queue id, last tick, min count, min interval)
--
-- Purpose: where the batch after a tick ends. Without conditions that is the following tick. With
--     them the newest tick is taken when it satisfies one; when it lies more than twice as far as
--     asked for, the first tick that satisfies one is looked for, so that a consumer that is far
--     behind gets batches of about the size it wants.
-- Parameters: i_queue_id      queue
--             i_last          row of pgq.tick from which the batch starts
--             i_min_count     difference of event sequence values that is enough; NULL: any
--             i_min_interval  difference of tick times that is enough; NULL: any
-- Returns: row of pgq.tick, all NULL when no tick will do.

create or replace function pgq.find_next_tick(
    i_queue_id int4, i_last pgq.tick, i_min_count int4, i_min_interval interval)
returns pgq.tick
language plpgsql
stable
as $$
declare
    v_tick  pgq.tick;
    v_count bigint;
    v_span  interval;
begin
    if i_min_count is null and i_min_interval is null then
        select * into v_tick from pgq.tick
        where tick_queue = i_queue_id and tick_id > i_last.tick_id
        order by tick_id limit 1;
        return v_tick;
    end if;

    select * into v_tick from pgq.tick
    where tick_queue = i_queue_id and tick_id > i_last.tick_id
    order by tick_id desc limit 1;
    v_count := v_tick.tick_event_seq - i_last.tick_event_seq;
    v_span := v_tick.tick_time - i_last.tick_time;
    if v_count > i_min_count::bigint * 2 or v_span > i_min_interval * 2 then
        select * into v_tick from pgq.tick
        where tick_queue = i_queue_id and tick_id > i_last.tick_id
            and (tick_event_seq - i_last.tick_event_seq >= i_min_count
                or tick_time - i_last.tick_time >= i_min_interval)
        order by tick_id limit 1;
    elsif (v_count >= i_min_count or v_span >= i_min_interval) is not true then
        v_tick := null;
    end if;
    return v_tick;
end;
$$;
