create or replace function tailrace.request_stop_job(
    i_job          text,
    with_savepoint boolean default false,
    with_drain     boolean default false,
    directory      text default null
) returns table (job_id text, savepoint_path text)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.request_stop_job(4)
--
--      Ask a job to stop, and return at once. It stops after the batch that is under way; its runner
--      does not know before this transaction has been committed. tailrace.stop_job waits for it.
--
-- Parameters:
--      i_job           - name, id or beginning of the id
--      with_savepoint  - and make a savepoint of it at rest; if that cannot be written, it goes on
--      with_drain      - stop after all that had been committed at the root; needs its runner
--      directory       - where the savepoint is made; NULL: that of setting state.savepoints.dir
--
-- Returns:
--      job_id          - id of the job
--      savepoint_path  - path that the savepoint will have; NULL: none was asked for
--      Raises TR009 when it has ended. One that is stopping already goes on doing so. One that is
--      just being started from a savepoint stays at rest.
--
-- Calls:
--      tailrace.find_job, tailrace.ask_savepoint, tailrace.settle_job
-- Tables directly manipulated:
--      update - tailrace.job; delete - tailrace.restore
-- ----------------------------------------------------------------------
declare
    v_job    tailrace.job;
    v_status text;
    v_path   text;
begin
    v_job := tailrace.find_job(i_job);
    select v.status into v_status from tailrace.jobs as v where v.job_id = v_job.job_id;
    if v_status in ('FAILED', 'CANCELED', 'FINISHED') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is %s; STOP needs one that has not ended', v_job.job_name, v_status),
            hint = pg_catalog.format('start it again with: call tailrace.start_job(%L)', v_job.job_name);
    end if;

    delete from tailrace.restore as r where r.job_id = v_job.job_id;
    if with_savepoint then
        select s.path into v_path
        from tailrace.savepoint as s
        where s.job_id = v_job.job_id and s.stops_job and s.state in ('requested', 'writing');
        if not found then
            -- a drain waits for the first run over what is there, so then there is something to save
            v_job.wants_snapshot := v_job.wants_snapshot and not with_drain;
            v_path := tailrace.ask_savepoint(v_job, request_stop_job.directory, true);
        end if;
    end if;
    if with_drain and v_status <> 'CANCELLING' then
        update tailrace.job as j
        set drain_since = pg_catalog.clock_timestamp(), drain_tick = null
        where j.job_id = v_job.job_id;
    else
        -- a batch under way holds its position locked; we do not wait here, settle_job comes back
        update tailrace.job as j
        set wanted = case when with_savepoint then 'finished' else 'canceled' end, drain_since = null, drain_tick = null
        where j.job_id = v_job.job_id and j.wanted = 'running';
    end if;
    perform tailrace.settle_job(v_job.job_id);
    return query select v_job.job_id, v_path;
end;
$body$;

comment on function tailrace.request_stop_job(text, boolean, boolean, text) is
    'asks a job to stop and returns at once';
