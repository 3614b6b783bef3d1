create or replace function tailrace.add_consumer(
    i_queue text,
    i_name  text
) returns table (job_id text, consumer_name text, provider_node text, provider_location text, is_placed boolean)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.add_consumer(2)
--
--      Make a job of a program that consumes a queue for this database, or find the one that it is
--      already. On a root and a branch it reads the queue of this node, from the newest tick on. On
--      a leaf it reads the provider's, in another database: there it has to be registered next, and
--      then tailrace.place_consumer tells where. Dying in between does no harm: call it again.
--
-- Parameters:
--      i_queue  - queue that this database is a node of
--      i_name   - name of the job
--
-- Returns:
--      job_id             - id of the job
--      consumer_name      - name of its consumer: two leaves of one provider may have jobs of one name
--      provider_node, provider_location - where it reads
--      is_placed          - it has a position; false: register it there, then place it
--      Raises TR001 when that cannot be the name of a job, TR004 when this database is no node of the
--      queue, TR005 when the name is another job's.
--
-- Calls:
--      tailrace.check_job_name, pgq.register_consumer, pgq_node.register_consumer
-- Tables directly manipulated:
--      insert, update - tailrace.job
-- ----------------------------------------------------------------------
declare
    v_node pgq_node.node_info;
    v_job  tailrace.job;
    v_tick bigint;
begin
    select n.* into v_node from pgq_node.node_info as n where n.queue_name = i_queue;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('database "%s" is no node of queue "%s"',
                pg_catalog.current_database(), i_queue),
            hint = 'make it one with: tailrace create-root, create-branch or create-leaf';
    end if;

    if not exists (select 1 from tailrace.job as j where j.job_name = i_name) then
        perform tailrace.check_job_name(i_name);
    end if;
    insert into tailrace.job as j (job_name, kind, queue_name, node_name, consumer_name)
    values (i_name, 'consumer', i_queue, v_node.node_name, i_name)
    on conflict do nothing
    returning j.* into v_job;
    if found then
        update tailrace.job as j
        set consumer_name = j.job_name || '.' || pg_catalog.left(j.job_id, 8)
        where j.job_id = v_job.job_id
        returning j.* into v_job;
    else
        select j.* into v_job from tailrace.job as j where j.job_name = i_name;
        if v_job.kind is distinct from 'consumer' or v_job.queue_name <> i_queue then
            raise exception using errcode = 'TR005',
                message = pg_catalog.format('database "%s" has a job "%s" already, of kind %s, on queue "%s"',
                    pg_catalog.current_database(), i_name, v_job.kind, v_job.queue_name),
                hint = 'choose another name';
        end if;
    end if;

    if v_node.node_type <> 'leaf' and not exists (
        select 1 from pgq_node.local_state as s
        where s.queue_name = i_queue and s.consumer_name = v_job.consumer_name
    ) then
        perform pgq.register_consumer(i_queue, v_job.consumer_name);
        select c.last_tick into v_tick from pgq.get_consumer_info(i_queue, v_job.consumer_name) as c;
        perform pgq_node.register_consumer(i_queue, v_job.consumer_name, v_node.node_name, v_tick);
    end if;

    return query
    select v_job.job_id, v_job.consumer_name, coalesce(s.provider_node, w.provider_node), l.node_location,
        s.provider_node is not null
    from pgq_node.local_state as w
    left join pgq_node.local_state as s
        on s.queue_name = i_queue and s.consumer_name = v_job.consumer_name
    left join pgq_node.node_location as l
        on l.queue_name = i_queue and l.node_name = coalesce(s.provider_node, w.provider_node)
    where w.queue_name = i_queue and w.consumer_name = v_node.worker_name;
end;
$body$;

comment on function tailrace.add_consumer(text, text) is 'makes a job of a program that consumes a queue';
