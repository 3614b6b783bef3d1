create or replace function tailrace.replace_gravestone(
    i_queue  text,
    i_node   text,
    i_worker text,
    i_tick   bigint
) returns bigint
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.replace_gravestone(4)
--
--      Let a node that has come back read from here, from where its gravestone stands: in one
--      transaction, so that there is no moment in which nobody keeps its events.
--
-- Parameters:
--      i_queue   - queue
--      i_node    - node that has come back
--      i_worker  - its worker
--      i_tick    - tick that it has completed, where the gravestone stands
--
-- Returns:
--      global watermark, as register_subscriber does. Raises TR004 when there is no gravestone, or
--      one of another takeover.
--
-- Calls:
--      pgq_node.consumer_position, pgq_node.unregister_subscriber, pgq.unregister_consumer,
--      pgq_node.register_subscriber
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_stone  text := i_node || '.gravestone';
    v_answer record;
begin
    if pgq_node.consumer_position(i_queue, v_stone) is distinct from i_tick then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('queue "%s" in database "%s" has no consumer "%s" at tick %s',
                i_queue, pg_catalog.current_database(), v_stone, i_tick),
            hint = 'somebody was quicker; see: tailrace status';
    end if;
    -- a takeover may have made the dead node a subscriber by the gravestone, or left it one
    perform pgq_node.unregister_subscriber(i_queue, i_node);
    perform pgq.unregister_consumer(i_queue, v_stone);
    select * into v_answer from pgq_node.register_subscriber(i_queue, i_node, i_worker, i_tick);
    if v_answer.ret_code >= 300 then
        raise exception using errcode = 'TR009', message = v_answer.ret_note;
    end if;
    return v_answer.global_watermark;
end;
$body$;

comment on function tailrace.replace_gravestone(text, text, text, bigint) is
    'lets a node that has come back read from where its gravestone stands';
