create or replace function tailrace.mirror_tick(
    i_queue      text,
    i_tick       bigint,
    i_tick_time  timestamptz,
    i_event_seq  bigint,
    i_last_event bigint
) returns integer
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.mirror_tick(5)
--
--      Make the provider's tick on a branch, after the transaction with its events has committed
--      (a snapshot never sees what its own transaction wrote). Harmless when repeated.
--
-- Parameters:
--      i_queue       - queue
--      i_tick        - tick id
--      i_tick_time   - time of the tick at the root
--      i_event_seq   - value of the event sequence at the provider's tick
--      i_last_event  - highest event id of the batch; NULL: not known any more, look at the data
--
-- Returns:
--      1 - made
--      0 - it exists already
--
-- Calls:
--      pgq.ticker, tailrace.newest_event
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_position bigint;
    v_newest   bigint;
    v_seq      bigint;
begin
    -- taken before we look, so that two runners cannot both find it missing
    lock table pgq.tick in share row exclusive mode;

    select s.last_tick_id into v_position
    from pgq_node.local_state as s
    join pgq_node.node_info as n on n.queue_name = s.queue_name and n.worker_name = s.consumer_name
    where s.queue_name = i_queue;
    if v_position is null or v_position < i_tick then
        raise exception using errcode = 'TR020',
            message = pg_catalog.format('tick %s of queue "%s" cannot be made in database "%s": its events are not there (completed: %s)',
                i_tick, i_queue, pg_catalog.current_database(), coalesce(v_position::text, 'none'));
    end if;

    select t.tick_id, t.tick_event_seq into v_newest, v_seq
    from pgq.tick as t
    join pgq.queue as q on q.queue_id = t.tick_queue
    where q.queue_name = i_queue
    order by t.tick_id desc
    limit 1;
    if v_newest >= i_tick then
        return 0;
    end if;

    -- The sequence must never fall behind an id that is in the queue: a promoted branch goes on from it.
    v_seq := greatest(i_event_seq, v_seq, coalesce(i_last_event, tailrace.newest_event(i_queue)));
    perform pgq.ticker(i_queue, i_tick, i_tick_time, v_seq);
    return 1;
end;
$body$;

comment on function tailrace.mirror_tick(text, bigint, timestamptz, bigint, bigint) is
    'makes the provider''s tick on a branch, once';
