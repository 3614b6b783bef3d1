create or replace function tailrace.raise_lost_position(
    i_queue    text,
    i_consumer text,
    i_position bigint
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.raise_lost_position(3)
--
--      Raise the error of a consumer whose position this queue cannot serve, with what it has.
--      One that is ahead of a root, whose database was set back, must never get going again by
--      itself: see tailrace.skip_ticks.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer
--      i_position  - tick that the consumer has completed
--
-- Returns:
--      never; raises TR020
--
-- Calls:
--      tailrace.skip_ticks
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_oldest bigint;
    v_newest bigint;
    v_kept   bigint;
    v_hint   text;
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

    v_hint := case
        when v_newest < i_position then
            'it may be behind, and get there by itself; otherwise attach the consumer to a node that has the tick'
            ' with: tailrace change-provider, or drop and create the node again'
        when exists (select 1 from pgq.tick as t join pgq.queue as q on q.queue_id = t.tick_queue
            where q.queue_name = i_queue and t.tick_id = i_position) then
            'if the consumer''s database was restored from a backup, let it read again from there with: tailrace rewind'
        when v_oldest < i_position then
            'it never had this tick, which is of a root that was lost or set back; attach the consumer to a node that'
            ' has it with: tailrace change-provider, or drop and create the node again'
        else
            'attach it to a node that still has the tick with: tailrace change-provider, or drop and create the node again'
    end;
    -- whoever may only look leaves it to the others
    if v_newest < i_position
        and pg_catalog.has_function_privilege('tailrace.skip_ticks(text, bigint)', 'execute')
        and tailrace.skip_ticks(i_queue, i_position)
    then
        v_hint := 'this root was set back, by a backup or by a standby that was behind; shut it down and fail over to a'
            ' node that has more with: tailrace takeover, or drop and create the nodes that are ahead of it';
    end if;

    raise exception using errcode = 'TR020',
        message = pg_catalog.format(
            'consumer "%s" needs tick %s of queue "%s" in database "%s", which has ticks %s to %s and keeps events after tick %s for it',
            i_consumer, i_position, i_queue, pg_catalog.current_database(),
            coalesce(v_oldest::text, 'none'), coalesce(v_newest::text, 'none'),
            coalesce(v_kept::text, 'none')),
        hint = v_hint;
end;
$body$;

comment on function tailrace.raise_lost_position(text, text, bigint) is
    'raises the error of a consumer whose position is not kept any more';
