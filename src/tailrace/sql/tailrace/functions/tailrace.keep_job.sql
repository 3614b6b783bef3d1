create or replace function tailrace.keep_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.keep_job(0)
--
--      Makes a job of each consumer that gets a position in a node, and forgets it with that,
--      whoever does it: our commands, the functions of pgq_node called by hand, another tool.
--      Notes when it was paused, came to rest, and went on. Runs as its owner, and in role replica
--      too, in which workers write. What holds the events of a savepoint is no job.
--
-- Returns:
--      nothing that matters: it fires after the change
--
-- Tables directly manipulated:
--      insert, update, delete - tailrace.job; update - tailrace.savepoint
--      delete - tailrace.job_relation, tailrace.restore, tailrace.import_file, tailrace.export_file
-- ----------------------------------------------------------------------
declare
    v_pin   constant boolean := coalesce(new.consumer_name, old.consumer_name) like '.savepoint.%';
    v_job   text;
    v_names text[];
    v_name  text;
begin
    if v_pin then
        return null;
    end if;
    if tg_op = 'DELETE' then
        select j.job_id into v_job from tailrace.job as j
        where j.queue_name = old.queue_name and j.consumer_name = old.consumer_name;
        -- in role replica no foreign key does it
        delete from tailrace.import_file as f where f.job_id = v_job;
        delete from tailrace.job_relation as r where r.job_id = v_job;
        delete from tailrace.export_file as e where e.job_id = v_job;
        delete from tailrace.restore as r where r.job_id = v_job;
        -- what it owned is anybody's to drop
        update tailrace.savepoint as s set state = 'completed', claimed_by = null
        where s.claimed_by = v_job and s.state = 'claimed';
        delete from tailrace.job as j where j.job_id = v_job;
        return null;
    end if;

    if tg_op = 'UPDATE' then
        if old.paused and not new.paused then
            -- whoever lets it go on takes back that it was to start from a savepoint
            delete from tailrace.restore as r
            using tailrace.job as j
            where j.queue_name = new.queue_name and j.consumer_name = new.consumer_name and r.job_id = j.job_id;
        end if;
        update tailrace.job as j
        set wanted = case
                when new.paused and not old.paused and j.wanted = 'running' then 'canceled'
                when old.paused and not new.paused then 'running'
                else j.wanted end,
            started_at = case when old.paused and not new.paused then clock_timestamp() else j.started_at end,
            error = case when old.paused and not new.paused then null else j.error end,
            failures = case when old.paused and not new.paused then 0 else j.failures end,
            ended_at = case
                when not new.paused then null
                when new.uptodate then coalesce(j.ended_at, clock_timestamp())
                else j.ended_at end,
            drain_since = case when new.paused then null else j.drain_since end,
            drain_tick = case when new.paused then null else j.drain_tick end,
            drain_after = case when new.paused then null else j.drain_after end
        where j.queue_name = new.queue_name and j.consumer_name = new.consumer_name;
        return null;
    end if;

    v_names := array[new.consumer_name, new.queue_name || '/' || new.consumer_name,
        new.queue_name || '/' || new.consumer_name || '-' || left(gen_random_uuid()::text, 8)];
    foreach v_name in array v_names loop
        insert into tailrace.job (job_name, kind, queue_name, node_name, consumer_name, wanted)
        select v_name,
            case new.consumer_name
                when n.worker_name then 'worker'
                when n.node_name || '.apply' then 'apply'
                else 'consumer' end,
            new.queue_name, n.node_name, new.consumer_name,
            case when new.paused then 'canceled' else 'running' end
        from pgq_node.node_info as n
        where n.queue_name = new.queue_name
        on conflict do nothing;
        exit when found;
    end loop;
    return null;
end;
$body$;

comment on function tailrace.keep_job() is 'makes a job of each consumer that writes into a node';

-- Positions move with every batch; only what tells of pauses is looked at. Where the table is an
-- extension's and its owner is somebody else, we cannot watch it.
do $$
begin
    if exists (
        select 1 from pg_catalog.pg_class as c
        where c.oid = 'pgq_node.local_state'::regclass and pg_catalog.pg_has_role(c.relowner, 'usage')
    ) then
        create or replace trigger tailrace_keep_job
            after insert or delete or update of paused, uptodate on pgq_node.local_state
            for each row execute function tailrace.keep_job();
        alter table pgq_node.local_state enable always trigger tailrace_keep_job;
    else
        raise warning 'role "%" does not own table pgq_node.local_state, so what its consumers do is not listed in tailrace.jobs',
            current_user;
    end if;
end
$$;
