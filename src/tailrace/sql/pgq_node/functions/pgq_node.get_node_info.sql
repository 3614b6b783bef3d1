-- pgq_node.get_node_info(i_queue_name)
--
-- Purpose:    all that workers and commands want to know of this node in one row.
-- Parameters: i_queue_name  cascaded queue
-- Returns:    ret_code 100, or 404 when the queue has no node here; ret_note
--             node_type, node_name
--             global_watermark   position of .global_watermark; leaf: NULL
--             local_watermark    lowest position of the other consumers here; leaf: the worker's position
--             provider_node, provider_location   where the worker reads
--             combined_queue, combined_type      leaf that is merged: the queue it goes into and this node's type
--                                                in it; NULL when that queue has no node here any more
--             worker_name, worker_paused, worker_uptodate
--             worker_last_tick   completed tick of the worker; root: newest tick
--             node_attrs         URL-encoded attributes
--             target_for         queues that are merged into this one here
-- NULL:       attributes and target_for when there are none; everything but code and note with 404
-- Calls:      pgq_node.queue_top, pgq_node.consumer_position, pgq_node.local_watermark
-- Changes:    nothing

-- The result of older versions has fewer columns, so replacing is not enough.
drop function if exists pgq_node.get_node_info(text);

create function pgq_node.get_node_info(
    in  i_queue_name      text,
    out ret_code          integer,
    out ret_note          text,
    out node_type         text,
    out node_name         text,
    out global_watermark  bigint,
    out local_watermark   bigint,
    out provider_node     text,
    out provider_location text,
    out combined_queue    text,
    out combined_type     text,
    out worker_name       text,
    out worker_paused     boolean,
    out worker_uptodate   boolean,
    out worker_last_tick  bigint,
    out node_attrs        text,
    out target_for        text[])
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    select 100, 'Ok', n.node_type, n.node_name, c.queue_name, c.node_type, n.worker_name, n.node_attrs,
           s.provider_node, l.node_location, s.paused, s.uptodate, s.last_tick_id
      into ret_code, ret_note, node_type, node_name, combined_queue, combined_type, worker_name, node_attrs,
           provider_node, provider_location, worker_paused, worker_uptodate, worker_last_tick
      from pgq_node.node_info n
      left join pgq_node.node_info c on c.queue_name = n.combined_queue
      left join pgq_node.local_state s on s.queue_name = n.queue_name and s.consumer_name = n.worker_name
      left join pgq_node.node_location l on l.queue_name = s.queue_name and l.node_name = s.provider_node
     where n.queue_name = i_queue_name;
    if not found then
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no node here', i_queue_name);
        return;
    end if;

    if node_type = 'leaf' then
        local_watermark := worker_last_tick;
    else
        global_watermark := pgq_node.consumer_position(i_queue_name, '.global_watermark');
        local_watermark := pgq_node.local_watermark(i_queue_name);
    end if;
    if node_type = 'root' then
        worker_last_tick := pgq_node.queue_top(i_queue_name);
    end if;

    target_for := (select pg_catalog.array_agg(n.queue_name order by n.queue_name)
                     from pgq_node.node_info n
                    where n.combined_queue = i_queue_name);
end;
$$;
comment on function pgq_node.get_node_info(text) is 'Type, watermarks, provider, worker and attributes of this node';
