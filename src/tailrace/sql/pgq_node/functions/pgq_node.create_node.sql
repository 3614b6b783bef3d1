-- pgq_node.create_node(i_queue_name, i_node_type, i_node_name, i_worker_name, i_provider_name, i_global_watermark,
--                      i_combined_queue)
--
-- Purpose:    makes this database a node of the tree of a queue. A root starts from its own newest tick; a branch and
--             a leaf from the global watermark that registering as subscriber on the provider gave.
-- Parameters: i_queue_name        queue
--             i_node_type         root, branch or leaf
--             i_node_name         this node; its location must be registered here
--             i_worker_name       consumer that brings the batches
--             i_provider_name     branch, leaf: node to read from; its location must be registered here
--             i_global_watermark  branch, leaf: tick to start from
--             i_combined_queue    leaf: queue that this database holds and this one is merged into
-- Returns:    ret_code 200; 401 there is a node already, or the arguments do not fit the type; ret_note
-- NULL:       what a type does not use must be NULL
-- Calls:      pgq_node.require_location, pgq_node.create_root_queue, pgq_node.create_branch_queue,
--             pgq_node.register_consumer
-- Changes:    pgq_node.node_info, pgq_node.local_state; root, branch: pgq.queue, pgq.tick, pgq.subscription, event tables
-- Raises:     TR001 unknown type or no worker; TR004 a location is missing
create or replace function pgq_node.create_node(
    in  i_queue_name       text,
    in  i_node_type        text,
    in  i_node_name        text,
    in  i_worker_name      text,
    in  i_provider_name    text,
    in  i_global_watermark bigint,
    in  i_combined_queue   text,
    out ret_code           integer,
    out ret_note           text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_start bigint := i_global_watermark;
begin
    ret_code := 401;
    ret_note := case
        when exists (select 1 from pgq_node.node_info n where n.queue_name = i_queue_name)
            then pg_catalog.format('queue "%s" has a node here already', i_queue_name)
        when i_node_type = 'root' and (i_provider_name is not null or i_global_watermark is not null
                                       or i_combined_queue is not null)
            then 'a root has no provider, no watermark to start from and no combined queue'
        when i_node_type = 'branch' and i_provider_name is null
            then 'a branch needs a provider'
        when i_node_type = 'branch' and i_global_watermark is null
            then 'a branch needs a watermark to start from'
        when i_node_type = 'leaf' and i_combined_queue is not null
             and not exists (select 1 from pgq.queue q where q.queue_name = i_combined_queue)
            then pg_catalog.format('combined queue "%s" is not here', i_combined_queue)
    end;
    if ret_note is not null then
        return;
    end if;
    if i_node_type not in ('root', 'branch', 'leaf') or i_node_type is null or i_worker_name is null
       or (i_node_type = 'branch' and i_combined_queue is not null) then
        raise exception 'node "%" of queue "%" cannot be created as "%" with worker "%" and combined queue "%"',
                i_node_name, i_queue_name, i_node_type, i_worker_name, i_combined_queue
            using errcode = 'TR001',
                  hint = 'Types are root, branch and leaf; all need a worker, only a leaf may have a combined queue.';
    end if;
    perform pgq_node.require_location(i_queue_name, i_node_name);

    if i_node_type = 'root' then
        v_start := pgq_node.create_root_queue(i_queue_name);
    elsif i_node_type = 'branch' then
        perform pgq_node.create_branch_queue(i_queue_name, i_global_watermark);
    end if;
    insert into pgq_node.node_info (queue_name, node_type, node_name, worker_name, combined_queue)
    values (i_queue_name, i_node_type, i_node_name, i_worker_name, i_combined_queue);
    perform 1 from pgq_node.register_consumer(
        i_queue_name, i_worker_name,
        case when i_node_type = 'root' then i_node_name else i_provider_name end, v_start);

    ret_code := 200;
    ret_note := pg_catalog.format('node "%s" of queue "%s" is created as %s', i_node_name, i_queue_name, i_node_type);
end;
$$;
comment on function pgq_node.create_node(text, text, text, text, text, bigint, text) is
    'Makes this database a node of the tree of a queue';
