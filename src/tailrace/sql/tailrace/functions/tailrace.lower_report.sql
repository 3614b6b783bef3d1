create or replace function tailrace.lower_report(
    i_queue text,
    i_node  text,
    i_tick  bigint
) returns bigint
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.lower_report(3)
--
--      A subscriber has told that it, and all below it, need nothing up to a tick. Then somebody
--      who is not as far is moved below it, and that is not true any more. As long as the provider
--      that the moved node leaves still keeps its events, no node has acted on the old word, and it
--      can be taken back; down to the global watermark, as what that one gives up may be gone.
--
-- Parameters:
--      i_queue  - queue
--      i_node   - subscriber of this node
--      i_tick   - what it and all below it need nothing up to
--
-- Returns:
--      the tick that its watermark stands at here now; NULL: it is no subscriber
--
-- Calls:
--      pgq_node.lock_watermark, pgq_node.consumer_position, pgq.register_consumer_at
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_consumer constant text := '.' || i_node || '.watermark';
    v_told     bigint;
    v_mark     bigint;
begin
    -- the root publishes under the same lock
    perform pgq_node.lock_watermark(i_queue);
    v_told := pgq_node.consumer_position(i_queue, v_consumer);
    v_mark := greatest(i_tick, pgq_node.consumer_position(i_queue, '.global_watermark'));
    if v_mark >= v_told then
        return v_told;
    end if;
    perform pgq.register_consumer_at(i_queue, v_consumer, v_mark);
    return v_mark;
end;
$body$;

comment on function tailrace.lower_report(text, text, bigint) is
    'takes back what a subscriber has told of its watermark, when somebody who is behind is moved below it';
