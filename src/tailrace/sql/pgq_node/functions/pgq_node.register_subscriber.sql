-- pgq_node.register_subscriber(i_queue_name, i_remote_node_name, i_remote_worker_name, i_custom_tick_id)
--
-- Purpose:    lets another node read the queue from here. Two consumers are registered for it: its worker, and its
--             watermark, which starts at the global watermark, so that this node keeps whatever any node below the new
--             one may still need.
-- Parameters: i_queue_name          cascaded queue
--             i_remote_node_name    node that will read; its location must be known here
--             i_remote_worker_name  its worker
--             i_custom_tick_id      tick that the worker has completed
-- Returns:    ret_code 200; 404 no node of the queue here; 401 this node is a leaf and cannot provide; ret_note;
--             global_watermark, where the new node begins
-- NULL:       a NULL tick starts the worker at the global watermark
-- Calls:      pgq_node.require_location, pgq_node.lock_watermark, pgq_node.consumer_position, pgq.register_consumer_at
-- Changes:    pgq_node.subscriber_info, pgq.subscription, pgq.consumer
-- Raises:     TR005 when the node is a subscriber already, or another reader of the queue has the worker's name: both
--             would share one position, and the slower one would lose events; TR004 without location; an error when the tick is not here
create or replace function pgq_node.register_subscriber(
    in  i_queue_name         text,
    in  i_remote_node_name   text,
    in  i_remote_worker_name text,
    in  i_custom_tick_id     bigint,
    out ret_code             integer,
    out ret_note             text,
    out global_watermark     bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_type      text;
    v_watermark text := '.' || i_remote_node_name || '.watermark';
begin
    select n.node_type into v_type from pgq_node.node_info n where n.queue_name = i_queue_name;
    if not found then
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no node here', i_queue_name);
        return;
    end if;
    if v_type = 'leaf' then
        ret_code := 401;
        ret_note := pg_catalog.format('this node is a leaf of queue "%s" and holds no events for others', i_queue_name);
        return;
    end if;

    perform pgq_node.require_location(i_queue_name, i_remote_node_name);
    if exists (select 1 from pgq_node.subscriber_info s
                where s.queue_name = i_queue_name and s.subscriber_node = i_remote_node_name) then
        raise exception 'node "%" is already a subscriber of queue "%" here', i_remote_node_name, i_queue_name
            using errcode = 'TR005',
                  hint = 'Remove a stale registration with pgq_node.unregister_subscriber.';
    end if;

    perform pgq_node.lock_watermark(i_queue_name);
    if exists (select 1
                 from pgq.subscription s
                 join pgq.queue q on q.queue_id = s.sub_queue
                 join pgq.consumer c on c.co_id = s.sub_consumer
                where q.queue_name = i_queue_name and c.co_name = i_remote_worker_name) then
        raise exception 'a consumer "%" reads queue "%" here already, so node "%" needs a worker of another name',
                i_remote_worker_name, i_queue_name, i_remote_node_name
            using errcode = 'TR005',
                  hint = 'Name it with --worker.';
    end if;
    global_watermark := pgq_node.consumer_position(i_queue_name, '.global_watermark');
    perform pgq.register_consumer_at(i_queue_name, v_watermark, global_watermark);
    perform pgq.register_consumer_at(i_queue_name, i_remote_worker_name,
                                     coalesce(i_custom_tick_id, global_watermark));
    insert into pgq_node.subscriber_info (queue_name, subscriber_node, worker_name, watermark_name)
    values (i_queue_name, i_remote_node_name, i_remote_worker_name, v_watermark);

    ret_code := 200;
    ret_note := pg_catalog.format('node "%s" is a subscriber', i_remote_node_name);
end;
$$;
comment on function pgq_node.register_subscriber(text, text, text, bigint) is 'Lets another node read the queue from here';
