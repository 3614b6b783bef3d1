create or replace function tailrace.ensure_apply(
    i_queue text
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.ensure_apply(1)
--
--      Give a branch that has replicated tables its applying consumer "<node>.apply", at the tick
--      that the mirror has completed, and take it away with the last table. Called by the mirror
--      between batches, so it is right whoever changed the role of the node before.
--
-- Parameters:
--      i_queue  - queue
--
-- Returns:
--      registered, removed, kept or none; later: somebody is just changing the node;
--      NULL: this database has no node of the queue
--
-- Calls:
--      pgq.register_consumer_at, pgq.unregister_consumer, pgq_node.register_consumer,
--      pgq_node.unregister_consumer
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_type     text;
    v_node     text;
    v_consumer text;
    v_tick     bigint;
    v_wanted   boolean;
    v_there    boolean;
begin
    for v_look in 1 .. 2 loop
        select n.node_type, n.node_name, s.last_tick_id
        into v_type, v_node, v_tick
        from pgq_node.node_info as n
        join pgq_node.local_state as s
            on s.queue_name = n.queue_name and s.consumer_name = n.worker_name
        where n.queue_name = i_queue;
        if not found then
            return null;
        end if;

        v_consumer := v_node || '.apply';
        v_wanted := v_type = 'branch'
            and exists (select 1 from tailrace.table_info as i where i.queue_name = i_queue);
        v_there := exists (select 1 from pgq_node.local_state as s
            where s.queue_name = i_queue and s.consumer_name = v_consumer);
        if v_wanted = v_there then
            return case when v_there then 'kept' else 'none' end;
        end if;

        -- Who changes the role of a node, or its queue, locks its row first. Not waited for: the
        -- caller may have locked the worker's row, which comes after it.
        perform 1 from pgq_node.node_info as n where n.queue_name = i_queue
        for no key update skip locked;
        if not found then
            return 'later';
        end if;
    end loop;

    if v_wanted then
        -- raises while the mirror's tick is still missing here; the mirror makes it first
        perform pgq.register_consumer_at(i_queue, v_consumer, v_tick);
        perform pgq_node.register_consumer(i_queue, v_consumer, v_node, v_tick);
        return 'registered';
    end if;
    perform pgq.unregister_consumer(i_queue, v_consumer);
    perform pgq_node.unregister_consumer(i_queue, v_consumer);
    delete from tailrace.runner as r where r.queue_name = i_queue and r.consumer_name = v_consumer;
    return 'removed';
end;
$body$;

comment on function tailrace.ensure_apply(text) is
    'gives a branch with tables its applying consumer, and takes it away with the last one';
