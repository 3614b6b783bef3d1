-- pgq_node.get_worker_state(i_queue_name)
--
-- Purpose:    get_consumer_state of the node's worker, with the watermarks beside it.
-- Parameters: i_queue_name  cascaded queue
-- Returns:    as pgq_node.get_consumer_state, with 404 also when the queue that this leaf is merged into has no node
--             here, where the worker could not know what to do; then worker_name, global_watermark, local_watermark,
--             local_queue_top (newest tick here), combined_queue, combined_type
-- NULL:       leaf: global_watermark and local_queue_top; the state and watermarks with 404
-- Calls:      pgq_node.get_consumer_state, pgq_node.get_node_info, pgq_node.queue_top
-- Changes:    nothing
create or replace function pgq_node.get_worker_state(
    in  i_queue_name      text,
    out ret_code          integer,
    out ret_note          text,
    out node_type         text,
    out node_name         text,
    out completed_tick    bigint,
    out provider_node     text,
    out provider_location text,
    out paused            boolean,
    out uptodate          boolean,
    out cur_error         text,
    out worker_name       text,
    out global_watermark  bigint,
    out local_watermark   bigint,
    out local_queue_top   bigint,
    out combined_queue    text,
    out combined_type     text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    select n.worker_name, n.combined_queue into worker_name, combined_queue
      from pgq_node.node_info n
     where n.queue_name = i_queue_name;
    select s.ret_code, s.ret_note, s.node_type, s.node_name, s.completed_tick,
           s.provider_node, s.provider_location, s.paused, s.uptodate, s.cur_error
      into ret_code, ret_note, node_type, node_name, completed_tick,
           provider_node, provider_location, paused, uptodate, cur_error
      from pgq_node.get_consumer_state(i_queue_name, worker_name) s;
    if ret_code <> 100 then
        return;
    end if;

    select i.global_watermark, i.local_watermark, i.combined_type
      into global_watermark, local_watermark, combined_type
      from pgq_node.get_node_info(i_queue_name) i;
    if combined_queue is not null and combined_type is null then
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" is merged into queue "%s", which has no node here',
                                      i_queue_name, combined_queue);
        local_watermark := null;
    end if;
    if node_type <> 'leaf' then
        local_queue_top := pgq_node.queue_top(i_queue_name);
    end if;
end;
$$;
comment on function pgq_node.get_worker_state(text) is 'State of the node''s worker with the watermarks beside it';
