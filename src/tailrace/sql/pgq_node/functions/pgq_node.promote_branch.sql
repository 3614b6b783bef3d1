-- pgq_node.promote_branch(i_queue_name)
--
-- Purpose:    makes a branch the root: writes are accepted here and the local ticker cuts the batches, going on above
--             the newest tick. There must be no other root (demote it first, or be sure that it is dead) and the worker
--             must be paused.
-- Parameters: i_queue_name  cascaded queue
-- Returns:    ret_code 200; 404 no node of the queue here; 301 this node is no branch; 409 consumer <node>.apply has not
--             applied everything yet, or a table is still being copied: the node stays a branch; ret_note
-- NULL:       no node
-- Calls:      pgq_node.make_missing_tick, pgq_node.unfinished_copies, pgq_node.retire_apply_consumer, pgq.seq_setval
-- Changes:    pgq_node.node_info, pgq_node.local_state, pgq.queue; notifies tailrace_tick;
--             pgq.tick when the worker has died before its tick; unregisters <node>.apply
--
-- <node>.apply feeds the tables of a branch from its queue. Were it behind, new writes here would meet old tables, and
-- the rest of its events would overwrite them later. For a poisoned event or an unfinished copy the wait can be given
-- up with the session setting
--     set tailrace.promote_anyway = '<queue>'
-- The consumer is then unregistered where it stands, and what it had not applied is missing in this node's tables.
create or replace function pgq_node.promote_branch(
    in  i_queue_name text,
    out ret_code     integer,
    out ret_note     text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_node    pgq_node.node_info%rowtype;
    v_top     bigint;
    v_applied bigint;
    v_completed bigint;
    v_copies  text := pgq_node.unfinished_copies(i_queue_name);
begin
    select n.* into v_node from pgq_node.node_info n where n.queue_name = i_queue_name for no key update;
    if not found then
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no node here', i_queue_name);
        return;
    end if;
    if v_node.node_type <> 'branch' then
        ret_code := 301;
        ret_note := pg_catalog.format('node "%s" is a %s, not a branch', v_node.node_name, v_node.node_type);
        return;
    end if;

    if v_copies is not null
       and pg_catalog.current_setting('tailrace.promote_anyway', true) is distinct from i_queue_name then
        ret_code := 409;
        ret_note := pg_catalog.format(
            'node "%s" has not got all rows of %s yet; wait for the copy, or give them up with: '
            'set tailrace.promote_anyway = %L', v_node.node_name, v_copies, i_queue_name);
        return;
    end if;

    -- A mirror that nobody has paused may be in the middle of a batch; it has locked its position. Without this its
    -- events would end up above the newest tick.
    select s.last_tick_id into v_completed
      from pgq_node.local_state s
     where s.queue_name = i_queue_name and s.consumer_name = v_node.worker_name
       for no key update;
    v_top := pgq_node.make_missing_tick(i_queue_name, v_completed);
    v_applied := pgq_node.retire_apply_consumer(i_queue_name, v_node.node_name, v_top);
    if v_applied is not null then
        ret_code := 409;
        ret_note := pg_catalog.format(
            'consumer "%s.apply" has applied tick %s of queue "%s", the newest is %s; wait for it, or give its remaining '
            'events up with: set tailrace.promote_anyway = %L',
            v_node.node_name, v_applied, i_queue_name, v_top, i_queue_name);
        return;
    end if;

    update pgq.queue
       set queue_disable_insert = false,
           queue_external_ticker = false
     where queue_name = i_queue_name;
    perform pgq.seq_setval(q.queue_tick_seq, v_top),
            pgq.seq_setval(q.queue_event_seq, t.tick_event_seq)
       from pgq.queue q
       join pgq.tick t on t.tick_queue = q.queue_id and t.tick_id = v_top
      where q.queue_name = i_queue_name;
    update pgq_node.node_info
       set node_type = 'root'
     where queue_name = i_queue_name;
    update pgq_node.local_state
       set provider_node = v_node.node_name,
           last_tick_id = v_top,
           uptodate = false
     where queue_name = i_queue_name
       and consumer_name = v_node.worker_name;
    perform pg_catalog.pg_notify('tailrace_tick', i_queue_name);

    ret_code := 200;
    ret_note := pg_catalog.format('node "%s" is the root of queue "%s"', v_node.node_name, i_queue_name);
end;
$$;
comment on function pgq_node.promote_branch(text) is 'Makes a branch the root';
