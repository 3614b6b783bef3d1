-- pgq_node.set_partition_watermark(i_combined_queue_name, i_part_queue_name, i_watermark)
--
-- Purpose:    a queue is merged into another one here, and this database is a branch of the other: the merged events
--             come through it. An event in it tells how far, and the leaf's worker, which only follows, is moved there.
-- Parameters: i_combined_queue_name  queue that is merged into
--             i_part_queue_name      queue that is merged
--             i_watermark            tick of the merged queue
-- Returns:    ret_code 200; 201 not merged here, or this node is no branch of the combined queue: nothing to do;
--             401 the leaf has no worker; ret_note
-- NULL:       the tick is needed
-- Calls:      nothing
-- Changes:    pgq_node.local_state
-- Raises:     TR001 without tick
create or replace function pgq_node.set_partition_watermark(
    in  i_combined_queue_name text,
    in  i_part_queue_name     text,
    in  i_watermark           bigint,
    out ret_code              integer,
    out ret_note              text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_worker text;
begin
    select p.worker_name into v_worker
      from pgq_node.node_info p
      join pgq_node.node_info c on c.queue_name = p.combined_queue
     where p.queue_name = i_part_queue_name
       and p.node_type = 'leaf'
       and c.queue_name = i_combined_queue_name
       and c.node_type = 'branch';
    if not found then
        ret_code := 201;
        ret_note := pg_catalog.format('queue "%s" does not follow a branch of queue "%s" here',
                                      i_part_queue_name, i_combined_queue_name);
        return;
    end if;
    if i_watermark is null then
        raise exception 'position in queue "%" from queue "%" is NULL, a tick id is needed',
                i_part_queue_name, i_combined_queue_name
            using errcode = 'TR001';
    end if;

    update pgq_node.local_state
       set last_tick_id = i_watermark
     where queue_name = i_part_queue_name
       and consumer_name = v_worker;
    if found then
        ret_code := 200;
        ret_note := pg_catalog.format('worker of queue "%s" is at tick %s', i_part_queue_name, i_watermark);
    else
        ret_code := 401;
        ret_note := pg_catalog.format('leaf of queue "%s" has no worker "%s"', i_part_queue_name, v_worker);
    end if;
end;
$$;
comment on function pgq_node.set_partition_watermark(text, text, bigint) is
    'Moves the worker of a merged queue to where the combined queue has brought its events';
