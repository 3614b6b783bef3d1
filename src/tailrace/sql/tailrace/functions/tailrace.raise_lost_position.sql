create or replace function tailrace.raise_lost_position(
    i_queue    text,
    i_consumer text,
    i_position bigint
) returns void
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.raise_lost_position(3)
--
--      Raise the error of a consumer whose position this queue cannot serve, with what it has.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer
--      i_position  - tick that the consumer has completed
--
-- Returns:
--      never; raises TR020
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_oldest bigint;
    v_newest bigint;
    v_kept   bigint;
begin
    select pg_catalog.min(t.tick_id), pg_catalog.max(t.tick_id)
    into v_oldest, v_newest
    from pgq.tick as t
    join pgq.queue as q on q.queue_id = t.tick_queue
    where q.queue_name = i_queue;

    select s.sub_last_tick into v_kept
    from pgq.subscription as s
    join pgq.queue as q on q.queue_id = s.sub_queue
    join pgq.consumer as c on c.co_id = s.sub_consumer
    where q.queue_name = i_queue and c.co_name = i_consumer;

    raise exception using errcode = 'TR020',
        message = pg_catalog.format(
            'consumer "%s" needs tick %s of queue "%s" in database "%s", which has ticks %s to %s and keeps events after tick %s for it',
            i_consumer, i_position, i_queue, pg_catalog.current_database(),
            coalesce(v_oldest::text, 'none'), coalesce(v_newest::text, 'none'),
            coalesce(v_kept::text, 'none')),
        hint = 'attach it to a node that still has the tick with: tailrace change-provider, or drop and create the node again';
end;
$body$;

comment on function tailrace.raise_lost_position(text, text, bigint) is
    'raises the error of a consumer whose position is not kept any more';
