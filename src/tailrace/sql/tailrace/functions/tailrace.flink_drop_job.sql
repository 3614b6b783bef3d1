create or replace function tailrace.flink_drop_job(
    i_job_id text
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_drop_job(1)
--
--      Forget a job of a Flink cluster that has ended, with its history, never its savepoints. The
--      cluster still lists it for a while; so that it is not found there anew, its row goes only when
--      the cluster has forgotten it, too, and a run that nobody has seen there will not come any more.
--
-- Parameters:
--      i_job_id  - id of the job
--
-- Returns:
--      nothing; raises TR009 when it has not ended
--
-- Tables directly manipulated:
--      update - tailrace.flink_job
-- ----------------------------------------------------------------------
declare
    v_job    tailrace.flink_job;
    v_status text;
begin
    select j.* into v_job from tailrace.flink_job as j where j.job_id = i_job_id for update;
    select r.status into v_status from tailrace.flink_run as r where r.run_id = v_job.run_id;
    if v_status not in ('FAILED', 'CANCELED', 'FINISHED', 'SUSPENDED') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is %s; DROP needs one that has ended', v_job.job_name, v_status),
            hint = pg_catalog.format('stop it first with: STOP JOB %L', v_job.job_name);
    end if;
    update tailrace.flink_job as j set is_dropped = true, setup = '{}', settings = '{}' where j.job_id = i_job_id;
end;
$body$;

comment on function tailrace.flink_drop_job(text) is 'forgets a job of a Flink cluster that has ended';
