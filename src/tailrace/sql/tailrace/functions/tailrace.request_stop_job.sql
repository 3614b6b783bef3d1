create or replace function tailrace.request_stop_job(
    i_job          text,
    with_savepoint boolean default false,
    with_drain     boolean default false
) returns table (job_id text, savepoint_path text)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.request_stop_job(3)
--
--      Ask a job to stop, and return at once. It stops after the batch that is under way; its runner
--      does not know before this transaction has been committed. tailrace.stop_job waits for it.
--
-- Parameters:
--      i_job           - name, id or beginning of the id
--      with_savepoint  - not in this version: TR040
--      with_drain      - stop after all that had been committed at the root; needs its runner
--
-- Returns:
--      job_id          - id of the job
--      savepoint_path  - NULL
--      Raises TR009 when it has ended. One that is stopping already goes on doing so.
--
-- Calls:
--      tailrace.find_job, tailrace.refuse_savepoint, tailrace.settle_job
-- Tables directly manipulated:
--      update - tailrace.job
-- ----------------------------------------------------------------------
declare
    v_job    tailrace.job;
    v_status text;
begin
    perform tailrace.refuse_savepoint(with_savepoint);
    v_job := tailrace.find_job(i_job);
    select v.status into v_status from tailrace.jobs as v where v.job_id = v_job.job_id;
    if v_status in ('FAILED', 'CANCELED', 'FINISHED') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is %s; STOP needs one that has not ended', v_job.job_name, v_status),
            hint = pg_catalog.format('start it again with: call tailrace.start_job(%L)', v_job.job_name);
    end if;

    if with_drain and v_status <> 'CANCELLING' then
        update tailrace.job as j
        set drain_since = pg_catalog.clock_timestamp(), drain_tick = null
        where j.job_id = v_job.job_id;
    else
        -- a batch under way holds its position locked; we do not wait here, settle_job comes back
        update tailrace.job as j set wanted = 'canceled', drain_since = null, drain_tick = null
        where j.job_id = v_job.job_id and j.wanted = 'running';
    end if;
    perform tailrace.settle_job(v_job.job_id);
    return query select v_job.job_id, null::text;
end;
$body$;

comment on function tailrace.request_stop_job(text, boolean, boolean) is
    'asks a job to stop and returns at once';
