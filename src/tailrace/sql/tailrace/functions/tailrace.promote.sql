create or replace function tailrace.promote(
    i_queue      text,
    i_dead_root  text,
    i_anyway     boolean,
    i_old_root   text default null,
    i_old_worker text default null,
    out ret_code  integer,
    out ret_note  text,
    out last_tick bigint
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.promote(5)
--
--      The decisive step of a takeover, in one transaction: the branch becomes the root, its worker
--      goes on, and the old root is registered as its subscriber, after a failover as a bookmark:
--      from here on the new root forgets what nobody is known to need.
--
--      The worker must be paused and have acknowledged it. Besides keeping it from the queue, that
--      makes the pause a permit: whoever gives a takeover up takes the pause away first, and a
--      promotion that arrives late (a frozen command, a cut connection) is then refused.
--
-- Parameters:
--      i_queue      - queue
--      i_dead_root  - failover: node that was the root and is lost; NULL: it has been demoted
--      i_anyway     - also when tables here have not got everything (tailrace.promote_anyway); what
--                     is missing stays missing, and tables in copy count as live
--      i_old_root, i_old_worker - the root that has been demoted and its worker, to be registered at
--                     last_tick when its location is known here; NULL: nobody
--
-- Returns:
--      ret_code as pgq_node.promote_branch; 409 also when the worker is not paused; ret_note;
--      last_tick - newest tick, where the old root is to go on, or the dead root's bookmark stands
--
-- After a failover the next tick is a million further on. The dead root, and a node that could not
-- be asked, may have ticks that nobody here knows; none of them may ever mean something else. Such
-- a node then gets "lost position", not other events under the same number.
--
-- Calls:
--      pgq_node.promote_branch, pgq_node.register_subscriber, pgq_node.unregister_subscriber,
--      tailrace.drop_stale_pins
-- Tables directly manipulated:
--      update - pgq_node.local_state, tailrace.table_info
-- ----------------------------------------------------------------------
declare
    v_node  pgq_node.node_info%rowtype;
    v_ready boolean;
begin
    select n.* into v_node from pgq_node.node_info as n where n.queue_name = i_queue for no key update;
    select s.paused and s.uptodate into v_ready
    from pgq_node.local_state as s
    where s.queue_name = i_queue and s.consumer_name = v_node.worker_name
    for update;
    if v_node.node_type = 'branch' and not v_ready then
        ret_code := 409;
        ret_note := pg_catalog.format('worker "%s" of node "%s" is not paused any more: somebody gave the takeover up',
            v_node.worker_name, v_node.node_name);
        return;
    end if;

    if i_anyway then
        perform pg_catalog.set_config('tailrace.promote_anyway', i_queue, true);
    end if;
    select p.ret_code, p.ret_note into ret_code, ret_note from pgq_node.promote_branch(i_queue) as p;
    if ret_code <> 200 then
        return;
    end if;
    last_tick := pgq_node.queue_top(i_queue);

    update tailrace.table_info as i
    set state = 'live', live_at = pg_catalog.clock_timestamp(),
        copy_tick = coalesce(i.copy_tick, i.aside_tick)
    where i.queue_name = i_queue and i.state <> 'live';
    perform tailrace.drop_stale_pins(i_queue);
    update pgq_node.local_state as s
    set paused = false
    where s.queue_name = i_queue and s.consumer_name = v_node.worker_name;

    if i_dead_root is not null then
        perform pgq_node.unregister_subscriber(i_queue, i_dead_root);
        perform pgq_node.register_subscriber(i_queue, i_dead_root, i_dead_root || '.gravestone', last_tick);
        perform pgq.seq_setval(q.queue_tick_seq, last_tick + 1000000)
        from pgq.queue as q
        where q.queue_name = i_queue;
    elsif exists (select 1 from pgq_node.node_location as l
        where l.queue_name = i_queue and l.node_name = i_old_root)
    then
        perform pgq_node.unregister_subscriber(i_queue, i_old_root);
        perform pgq_node.register_subscriber(i_queue, i_old_root, i_old_worker, last_tick);
    end if;
end;
$body$;

comment on function tailrace.promote(text, text, boolean, text, text) is
    'the decisive step of a takeover: the branch becomes the root and its worker goes on';
