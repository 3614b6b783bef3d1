create or replace function tailrace.advance(
    i_queue     text,
    i_consumer  text,
    i_epoch     bigint,
    i_from_tick bigint,
    i_to_tick   bigint
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.advance(5)
--
--      Move a consumer's position in the transaction of its effect: compare runner and position,
--      then set. So an effect happens once, whatever becomes of runners and connections. Where
--      the consumer reads the queue of its own database, that queue learns of it right here.
--
-- Parameters:
--      i_queue      - queue
--      i_consumer   - consumer whose effects are in this database
--      i_epoch      - what tailrace.take_over returned to this runner
--      i_from_tick  - position that the effect starts from
--      i_to_tick    - position after it
--
-- Returns:
--      nothing; raises TR021 (another runner) or TR020 (another position)
--
-- Calls:
--      tailrace.check_runner, tailrace.finish_range
-- Tables directly manipulated:
--      update - pgq_node.local_state
-- ----------------------------------------------------------------------
declare
    v_position bigint;
    v_own      boolean;
begin
    perform tailrace.check_runner(i_queue, i_consumer, i_epoch);

    select s.last_tick_id, s.provider_node = n.node_name and s.consumer_name <> n.worker_name
    into v_position, v_own
    from pgq_node.local_state as s
    join pgq_node.node_info as n on n.queue_name = s.queue_name
    where s.queue_name = i_queue and s.consumer_name = i_consumer
    for no key update of s;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('consumer "%s" of queue "%s" has no position in database "%s"',
                i_consumer, i_queue, pg_catalog.current_database()),
            hint = 'the node or its tables were removed meanwhile; see: tailrace status';
    end if;
    if v_position <> i_from_tick then
        raise exception using errcode = 'TR020',
            message = pg_catalog.format(
                'consumer "%s" of queue "%s" is at tick %s in database "%s", the batch starts at tick %s',
                i_consumer, i_queue, v_position, pg_catalog.current_database(), i_from_tick),
            hint = 'nothing was written; the runner reads the position again';
    end if;

    update pgq_node.local_state as s
    set last_tick_id = i_to_tick, cur_error = null
    where s.queue_name = i_queue and s.consumer_name = i_consumer;

    if v_own then
        perform tailrace.finish_range(i_queue, i_consumer, i_to_tick);
    end if;
end;
$body$;

comment on function tailrace.advance(text, text, bigint, bigint, bigint) is
    'moves a consumer''s position in the transaction of its effect, exactly once';
