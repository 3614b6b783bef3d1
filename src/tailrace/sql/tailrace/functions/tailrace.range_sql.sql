create or replace function tailrace.range_sql(
    i_queue     text,
    i_consumer  text,
    i_from_tick bigint,
    i_to_tick   bigint
) returns text
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.range_sql(4)
--
--      Text of the query for the events between two ticks, as one consumer sees them.
--
-- Parameters:
--      i_queue      - queue of this database
--      i_consumer   - consumer subscribed to it; an event that was sent back for later for it
--                     raises when it is read
--      i_from_tick  - the range begins after this tick
--      i_to_tick    - the range ends with this tick
--
-- Returns:
--      a SELECT without ORDER BY: ev_id, ev_time, ev_type, ev_data, ev_extra1 to ev_extra4.
--      Raises TR004 when the consumer is not subscribed, TR020 when a tick is gone.
--
-- Calls:
--      tailrace.raise_not_registered, pgq.tick_range_sql; the text calls tailrace.refuse_retried
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_queue_id integer;
    v_sub_id   integer;
begin
    select q.queue_id, s.sub_id
    into v_queue_id, v_sub_id
    from pgq.queue as q
    join pgq.subscription as s on s.sub_queue = q.queue_id
    join pgq.consumer as c on c.co_id = s.sub_consumer
    where q.queue_name = i_queue and c.co_name = i_consumer;
    if not found then
        perform tailrace.raise_not_registered(i_queue, i_consumer);
    end if;
    return pg_catalog.format('select ev_id, ev_time, case when ev_retry is null then ev_type'
            ' else tailrace.refuse_retried(%L, %L, ev_id) end as ev_type,'
            ' ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4 from (', i_queue, i_consumer)
        || pgq.tick_range_sql(v_queue_id, v_sub_id, i_from_tick, i_to_tick) || ') as ev';
end;
$body$;

comment on function tailrace.range_sql(text, text, bigint, bigint) is
    'text of the query for the events between two ticks';
