create or replace function tailrace.refresh_consumer(
    i_queue    text,
    i_consumer text,
    i_healthy  boolean,
    out node_type         text,
    out node_name         text,
    out is_worker         boolean,
    out completed_tick    bigint,
    out provider_node     text,
    out provider_location text,
    out paused            boolean,
    out newest_tick       bigint,
    out sync_members      text[],
    out combined_queue    text,
    out combined_type     text,
    out stop_tick         bigint,
    out single_ticks      boolean,
    out hand_over         boolean,
    out restoring         boolean
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.refresh_consumer(3)
--
--      Read what a cascaded consumer has to know before each batch, and acknowledge it: admin
--      commands wait until the flag "uptodate" shows that the running worker knows its settings.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer whose position is in this database
--      i_healthy   - the round before did not fail, so an error that is on record is over
--
-- Returns:
--      node_type, node_name - of this database
--      is_worker            - the consumer is the node's worker, not a helper beside it
--      completed_tick       - last tick whose effects are in this database
--      provider_node, provider_location - where the events come from
--      paused               - do nothing until that changes
--      newest_tick          - who reads or fills the queue of this node: its newest tick
--      sync_members         - node worker of a branch: see tailrace.sync_members
--      combined_queue, combined_type - leaf that is merged: into which queue, and what this
--                             database's node of that queue is (NULL: it has none)
--      stop_tick, single_ticks, hand_over - applying consumer: see tailrace.sync_plan
--      restoring            - paused, and to start from a savepoint
--      all NULL: the consumer does not exist here (any more)
--
-- Calls:
--      tailrace.sync_plan, tailrace.sync_members, tailrace.ensure_apply
-- Tables directly manipulated:
--      update - pgq_node.local_state
-- ----------------------------------------------------------------------
declare
    v_told  boolean;
    v_error text;
begin
    select n.node_type, n.node_name, n.worker_name = s.consumer_name, s.last_tick_id,
        s.provider_node, l.node_location, s.paused, s.uptodate, s.cur_error,
        n.combined_queue, c.node_type
    into node_type, node_name, is_worker, completed_tick,
        provider_node, provider_location, paused, v_told, v_error,
        combined_queue, combined_type
    from pgq_node.local_state as s
    join pgq_node.node_info as n on n.queue_name = s.queue_name
    left join pgq_node.node_info as c on c.queue_name = n.combined_queue
    left join pgq_node.node_location as l
        on l.queue_name = s.queue_name and l.node_name = s.provider_node
    where s.queue_name = i_queue and s.consumer_name = i_consumer;
    if not found then
        return;
    end if;

    if not v_told or (v_error is not null and i_healthy) then
        -- only what was read may be acknowledged: had it changed since, the next round will see
        update pgq_node.local_state as s
        set uptodate = true,
            cur_error = case when i_healthy then null else s.cur_error end
        where s.queue_name = i_queue and s.consumer_name = i_consumer
            and s.paused = refresh_consumer.paused
            and s.provider_node = refresh_consumer.provider_node;
        if paused and not v_told then
            perform pg_catalog.pg_notify('tailrace_tick', '.savepoints'); -- one may wait for that
        end if;
    end if;

    restoring := paused and exists (
        select 1 from tailrace.restore as x
        join tailrace.job as j on j.job_id = x.job_id
        where j.queue_name = i_queue and j.consumer_name = i_consumer and x.state <> 'failed');
    if node_type <> 'leaf' and (is_worker or provider_node = node_name) then
        select t.tick_id into newest_tick
        from pgq.tick as t
        join pgq.queue as q on q.queue_id = t.tick_queue
        where q.queue_name = i_queue
        order by t.tick_id desc
        limit 1;
    end if;
    if not is_worker or node_type = 'leaf' then
        select p.stop_tick, p.single_ticks, p.hand_over
        into stop_tick, single_ticks, hand_over
        from tailrace.sync_plan(i_queue, i_consumer, completed_tick) as p;
        return;
    end if;
    sync_members := tailrace.sync_members(i_queue);
    -- before the mirror's next batch, and only where its last one is whole
    if node_type = 'branch' and newest_tick = completed_tick then
        perform tailrace.ensure_apply(i_queue);
    end if;
end;
$body$;

comment on function tailrace.refresh_consumer(text, text, boolean) is
    'reads a consumer''s settings and acknowledges them';
