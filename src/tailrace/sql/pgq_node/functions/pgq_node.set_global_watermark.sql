-- pgq_node.set_global_watermark(i_queue_name, i_watermark)
--
-- Purpose:    sets the tick up to which no node needs events any more. The root sends it to the others as an event. A
--             branch takes it from there, or from its sync group.
-- Parameters: i_queue_name  cascaded queue
--             i_watermark   tick
-- Returns:    ret_code 200; 100 leaf, ignored; 404 no node of the queue here; 500 branch without tick; ret_note
-- NULL:       a NULL tick means, on the root, its local watermark
-- Calls:      pgq_node.lock_watermark, pgq_node.local_watermark, pgq_node.consumer_position, pgq.register_consumer_at,
--             pgq.insert_event
-- Changes:    pgq.subscription; root: pgq_node.local_state and event pgq.global-watermark
-- Raises:     root: an error when the tick is not here
--
-- A branch leaves its watermark where it is, with 200, when the tick is not here (an old event replayed) or is below
-- the present one: what was once given up may be gone on another node. A root that is being demoted leaves it, too: a
-- worker may write although inserts are disabled, and its event would come behind the final tick. It has its transaction
-- id before it looks, so that pgq_node.await_writers waits for it or the flag is seen.
create or replace function pgq_node.set_global_watermark(
    in  i_queue_name text,
    in  i_watermark  bigint,
    out ret_code     integer,
    out ret_note     text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_node  pgq_node.node_info%rowtype;
    v_tick  bigint := i_watermark;
begin
    select n.* into v_node from pgq_node.node_info n where n.queue_name = i_queue_name;
    if not found then
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no node here', i_queue_name);
        return;
    end if;
    if v_node.node_type = 'leaf' then
        ret_code := 100;
        ret_note := pg_catalog.format('node "%s" is a leaf and keeps no events', v_node.node_name);
        return;
    end if;
    if v_node.node_type = 'branch' and i_watermark is null then
        ret_code := 500;
        ret_note := pg_catalog.format('node "%s" is a branch: its global watermark comes from elsewhere, a tick is needed',
                                      v_node.node_name);
        return;
    end if;

    perform pgq_node.lock_watermark(i_queue_name);
    ret_code := 200;
    if v_node.node_type = 'root' then
        perform pg_catalog.txid_current();
        if exists (select 1 from pgq.queue q where q.queue_name = i_queue_name and q.queue_disable_insert) then
            ret_note := pg_catalog.format('global watermark of node "%s" stays while it is being demoted', v_node.node_name);
            return;
        end if;
    end if;
    if v_node.node_type = 'branch' then
        perform 1
           from pgq.tick t
           join pgq.queue q on q.queue_id = t.tick_queue
          where q.queue_name = i_queue_name
            and t.tick_id = i_watermark;
        if not found or i_watermark <= pgq_node.consumer_position(i_queue_name, '.global_watermark') then
            ret_note := pg_catalog.format('global watermark of node "%s" stays', v_node.node_name);
            return;
        end if;
    else
        v_tick := coalesce(i_watermark, pgq_node.local_watermark(i_queue_name));
    end if;

    perform pgq.register_consumer_at(i_queue_name, '.global_watermark', v_tick);
    ret_note := pg_catalog.format('global watermark of node "%s" is at tick %s', v_node.node_name, v_tick);
    if v_node.node_type = 'root' then
        perform pgq.insert_event(i_queue_name, 'pgq.global-watermark', v_tick::text, i_queue_name, null, null, null);
        update pgq_node.local_state
           set last_tick_id = v_tick
         where queue_name = i_queue_name
           and consumer_name = v_node.worker_name;
    end if;
end;
$$;
comment on function pgq_node.set_global_watermark(text, bigint) is
    'Sets the tick up to which no node needs events; the root sends it to the others';
