-- pgq_node.demote_root(i_queue_name, i_step, i_new_provider)
--
-- Purpose:    makes a root a branch, in three steps so that the caller can let the new root catch up before the last.
--             1  nobody may write any more: inserts are disabled, the ticker is external
--             2  waits for transactions that are writing, and makes the final tick
--             3  the node becomes a branch that has completed its newest tick and reads from the new provider
--             Each step is a transaction of its own; 1 and 2 may be repeated (2 makes another tick each time).
-- Parameters: i_queue_name    cascaded queue
--             i_step          1, 2 or 3
--             i_new_provider  step 3: node to read from; its location must be registered here
-- Returns:    ret_code 200; 404 no node of the queue here; 301 this node is no root; ret_note;
--             last_tick: step 2 the final tick, step 3 the newest
-- NULL:       provider is not used in steps 1 and 2; last_tick is NULL after step 1
-- Calls:      pgq_node.await_writers, pgq_node.make_final_tick, pgq_node.require_location, pgq_node.queue_top
-- Changes:    1: pgq.queue; 2: pgq.tick; 3: pgq_node.node_info, pgq_node.local_state
-- Raises:     TR009 when steps 2 or 3 come before 1; TR001 for another step; TR004 unknown provider
create or replace function pgq_node.demote_root(
    in  i_queue_name   text,
    in  i_step         integer,
    in  i_new_provider text,
    out ret_code       integer,
    out ret_note       text,
    out last_tick      bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_node   pgq_node.node_info%rowtype;
begin
    if i_step = 2 then
        perform pgq_node.await_writers(i_queue_name);
    end if;
    -- The weaker lock leaves room for the foreign keys of transactions that register something.
    select n.* into v_node from pgq_node.node_info n where n.queue_name = i_queue_name for no key update;
    if not found then
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no node here', i_queue_name);
        return;
    end if;
    if v_node.node_type <> 'root' then
        ret_code := 301;
        ret_note := pg_catalog.format('node "%s" is a %s, not a root', v_node.node_name, v_node.node_type);
        return;
    end if;
    if i_step is null or i_step not between 1 and 3 then
        raise exception 'demotion of node "%" of queue "%" has steps 1, 2 and 3, not "%"',
                v_node.node_name, i_queue_name, i_step
            using errcode = 'TR001';
    end if;
    if i_step > 1 and exists (select 1 from pgq.queue q
                               where q.queue_name = i_queue_name
                                 and not (q.queue_disable_insert and q.queue_external_ticker)) then
        raise exception 'step % of the demotion of node "%" of queue "%" came before step 1',
                i_step, v_node.node_name, i_queue_name
            using errcode = 'TR009',
                  hint = 'Begin with step 1, in a transaction of its own.';
    end if;

    ret_code := 200;
    if i_step = 1 then
        update pgq.queue
           set queue_disable_insert = true,
               queue_external_ticker = true
         where queue_name = i_queue_name;
        ret_note := pg_catalog.format('writing into queue "%s" is disabled', i_queue_name);
    elsif i_step = 2 then
        last_tick := pgq_node.make_final_tick(i_queue_name);
        ret_note := pg_catalog.format('final tick of queue "%s" is %s', i_queue_name, last_tick);
    else
        perform pgq_node.require_location(i_queue_name, i_new_provider);
        last_tick := pgq_node.queue_top(i_queue_name);
        update pgq_node.node_info
           set node_type = 'branch'
         where queue_name = i_queue_name;
        update pgq_node.local_state
           set provider_node = i_new_provider,
               last_tick_id = last_tick,
               uptodate = false
         where queue_name = i_queue_name
           and consumer_name = v_node.worker_name;
        ret_note := pg_catalog.format('node "%s" is a branch and reads from node "%s"', v_node.node_name, i_new_provider);
    end if;
end;
$$;
comment on function pgq_node.demote_root(text, integer, text) is 'Makes a root a branch, in three steps';
