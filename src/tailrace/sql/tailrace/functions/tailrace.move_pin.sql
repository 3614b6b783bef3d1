create or replace function tailrace.move_pin(
    i_savepoint_id text,
    i_tick         bigint
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.move_pin(2)
--
--      The snapshot of a savepoint is open and its tick is known: what lies before needs not be held.
--      Where the queue is in another database, the caller moves the consumer there afterwards.
--
-- Parameters:
--      i_savepoint_id  - id of the savepoint
--      i_tick          - its tick
--
-- Returns:
--      nothing; raises TR009 when somebody has taken the pin away
--
-- Calls:
--      pgq.register_consumer_at
-- Tables directly manipulated:
--      update - pgq_node.local_state
-- ----------------------------------------------------------------------
declare
    v_queue text;
    v_own   boolean;
begin
    update pgq_node.local_state as p
    set last_tick_id = i_tick
    from pgq_node.node_info as n
    where p.consumer_name = '.savepoint.' || i_savepoint_id
        and n.queue_name = p.queue_name
        and p.last_tick_id <= i_tick
    returning p.queue_name, p.provider_node = n.node_name into v_queue, v_own;
    if not found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('the events of savepoint "%s" are not held any more', i_savepoint_id),
            hint = 'its node was moved or removed meanwhile; ask for it again';
    end if;
    if v_own then
        perform pgq.register_consumer_at(v_queue, '.savepoint.' || i_savepoint_id, i_tick);
    end if;
end;
$body$;

comment on function tailrace.move_pin(text, bigint) is 'lets go of the events before the tick of a savepoint';
