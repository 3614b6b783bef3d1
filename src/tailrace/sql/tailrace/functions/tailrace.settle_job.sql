create or replace function tailrace.settle_job(
    i_job_id text
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.settle_job(1)
--
--      Do what is due for a job that is to stop, and say what it still waits for. Everybody who waits
--      calls it again and again, its runner too; doing it twice is harmless. A drain that has come to
--      its tick becomes a pause. Where no runner holds the job's lock, the pause is acknowledged here,
--      and a runner that wakes up later is fenced off by the epoch.
--
-- Parameters:
--      i_job_id  - id of the job
--
-- Returns:
--      what it waits for; NULL: nothing, it is at rest, or was never asked to stop
--      Raises TR004 when there is no such job any more.
--
-- Calls:
--      pgq_node.set_consumer_paused, tailrace.take_over, tailrace.upstream_jobs,
--      tailrace.savepoint_progress
-- Tables directly manipulated:
--      update - tailrace.job, pgq_node.local_state
-- ----------------------------------------------------------------------
declare
    v_job   tailrace.job;
    v_state pgq_node.local_state;
    v_root  boolean;
    v_table text;
begin
    select j.* into v_job from tailrace.job as j where j.job_id = i_job_id;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('job "%s" has been removed from database "%s" meanwhile',
                i_job_id, pg_catalog.current_database());
    end if;
    -- in the order in which runners lock: first the position, then the job
    select s.* into v_state
    from pgq_node.local_state as s
    where s.queue_name = v_job.queue_name and s.consumer_name = v_job.consumer_name
    for no key update skip locked;
    if not found then
        return 'its runner to finish the batch that is under way';
    end if;

    if v_job.drain_since is not null and not v_state.paused then
        -- the root's own worker brings nothing, so it has nothing to wait for
        select n.node_type = 'root' and v_job.kind = 'worker' into v_root
        from pgq_node.node_info as n
        where n.queue_name = v_job.queue_name;
        if v_job.kind = 'import' and v_job.drain_tick is null then
            return 'its runner to load the files that are there';
        elsif not v_root and v_job.drain_tick is null then
            return coalesce(
                (select pg_catalog.format('job "%s" to reach tick %s of queue "%s"', u.job_name, u.needed, u.queue_name)
                from tailrace.upstream_jobs(i_job_id) as u
                where u.needed is not null and coalesce(u.completed < u.needed, true)
                limit 1),
                pg_catalog.format('the root of queue "%s" to say up to which tick; tailrace run asks it',
                    v_job.queue_name));
        elsif not v_root and v_state.last_tick_id < v_job.drain_tick then
            return pg_catalog.format('tick %s of queue "%s"; the job is at %s%s',
                v_job.drain_tick, v_job.queue_name, v_state.last_tick_id, ', where it fails: ' || v_state.cur_error);
        end if;
        if v_job.kind in ('sql', 'export') and (v_job.wants_snapshot or v_job.start_tick is null) then
            return 'its first run over the rows that are there';
        end if;
        select i.table_name || ', which is ' || i.state into v_table
        from tailrace.table_info as i
        where i.queue_name = v_job.queue_name and i.state <> 'live' and not v_root
            and tailrace.applying_consumer(v_job.queue_name) = v_job.consumer_name
        order by i.table_name
        limit 1;
        if v_table is not null then
            return 'table ' || v_table;
        end if;
        v_job.wanted := 'finished';
        update tailrace.job as j set wanted = v_job.wanted where j.job_id = i_job_id;
    end if;

    if v_job.wanted <> 'running' and not v_state.paused then
        perform pgq_node.set_consumer_paused(v_job.queue_name, v_job.consumer_name, true);
        perform pg_catalog.pg_notify('tailrace_tick', v_job.queue_name);
        v_state.paused := true;
        v_state.uptodate := false;
    end if;

    if not v_state.paused then
        return null;
    end if;
    if v_state.uptodate then
        return (
            select coalesce(tailrace.savepoint_progress(s.path), 'its savepoint')
            from tailrace.savepoint as s
            where s.job_id = i_job_id and s.stops_job and s.state in ('requested', 'writing')
            limit 1);
    end if;
    if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended(
            'consumer ' || v_job.queue_name || ' ' || v_job.consumer_name, 7461)) then
        return 'its runner to finish the batch that is under way';
    end if;
    perform tailrace.take_over(v_job.queue_name, v_job.consumer_name, 'stopped by ' || current_user);
    update pgq_node.local_state as s
    set uptodate = true
    where s.queue_name = v_job.queue_name and s.consumer_name = v_job.consumer_name and s.paused;
    return (
        select 'the savepoint to be written'
        from tailrace.savepoint as s
        where s.job_id = i_job_id and s.stops_job and s.state in ('requested', 'writing')
        limit 1);
end;
$body$;

comment on function tailrace.settle_job(text) is
    'does what is due for a job that is to stop, and says what it waits for';
