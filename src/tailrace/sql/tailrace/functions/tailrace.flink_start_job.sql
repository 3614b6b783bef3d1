create or replace function tailrace.flink_start_job(
    i_job_id   text,
    i_run_id   text,
    i_path     text,
    i_is_claim boolean
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_start_job(4)
--
--      Writes down that one more run of a job is wanted. Of two who do so at once one is refused, so
--      nothing is started twice. A last run that nobody has ever seen may still be on its way to the
--      cluster: where the new one begins at the same place it has its id, so that only one of the two
--      is taken there. Where it begins elsewhere it must not be mistaken for that one: whichever
--      comes late is cancelled (query flink_strays).
--
-- Parameters:
--      i_job_id    - id of the job
--      i_run_id    - id of the new run, where it needs one
--      i_path      - savepoint or checkpoint to begin at; NULL: from the beginning
--      i_is_claim  - the job owns that savepoint from now on
--
-- Returns:
--      id of the run; raises TR009 when the job has not ended, or when nobody knows what it runs
--
-- Tables directly manipulated:
--      insert, update - tailrace.flink_run
--      update - tailrace.flink_job
-- ----------------------------------------------------------------------
declare
    v_job tailrace.flink_job;
    v_run tailrace.flink_run;
    v_id  text;
begin
    select j.* into v_job from tailrace.flink_job as j where j.job_id = i_job_id for update;
    select r.* into v_run from tailrace.flink_run as r where r.run_id = v_job.run_id;
    if v_run.status not in ('FAILED', 'CANCELED', 'FINISHED', 'SUSPENDED') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is %s; START needs one that has ended or is SUSPENDED',
                v_job.job_name, v_run.status),
            hint = pg_catalog.format('stop it first with: STOP JOB %L', v_job.job_name);
    end if;
    if v_job.is_foreign then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" was not created here, so nobody knows what it runs', v_job.job_name),
            hint = 'create it with CREATE JOB … AS INSERT …, and start that from the savepoint';
    end if;
    v_id := case when v_run.engine_id is null
            and (v_run.restored_from, v_run.is_claimed) is not distinct from (i_path, i_path is not null and i_is_claim)
        then v_run.run_id else i_run_id end;
    insert into tailrace.flink_run as r (run_id, job_id, restored_from, is_claimed)
    values (v_id, i_job_id, i_path, i_path is not null and i_is_claim)
    on conflict (run_id) do update
    set status = 'CREATED', restored_from = excluded.restored_from, is_claimed = excluded.is_claimed,
        asked_at = excluded.asked_at, started_at = excluded.started_at, ended_at = null, error = null;
    update tailrace.flink_job as j set run_id = v_id, wanted = 'running' where j.job_id = i_job_id;
    return v_id;
end;
$body$;

comment on function tailrace.flink_start_job(text, text, text, boolean) is
    'writes down that one more run of a job on a Flink cluster is wanted';
