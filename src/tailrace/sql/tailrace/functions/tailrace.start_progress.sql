create or replace function tailrace.start_progress(
    i_job_id text
) returns text
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.start_progress(1)
--
--      Look whether a job that was started has been taken by a runner.
--
-- Parameters:
--      i_job_id  - id of the job
--
-- Returns:
--      its status while it has not; NULL: it runs, or its runner meets an error, which is on record
--      Raises TR004 when there is no such job any more, TR009 with the reason when it could not be
--      started from its savepoint.
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_status text;
    v_error  text;
    v_path   text;
    v_reason text;
begin
    select v.status, v.error into v_status, v_error from tailrace.jobs as v where v.job_id = i_job_id;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('job "%s" has been removed from database "%s" meanwhile',
                i_job_id, pg_catalog.current_database());
    end if;
    select r.path, r.error into v_path, v_reason
    from tailrace.restore as r
    where r.job_id = i_job_id and r.state = 'failed';
    if found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('the job cannot be started from savepoint "%s": %s', v_path, v_reason);
    end if;
    if exists (select 1 from tailrace.restore as r where r.job_id = i_job_id) then
        return v_status; -- its rows are not there yet; an error on record may pass
    end if;
    if v_status in ('RUNNING', 'FAILING') or (v_status = 'RESTARTING' and v_error is not null) then
        return null;
    end if;
    return v_status;
end;
$body$;

comment on function tailrace.start_progress(text) is 'whether a job that was started has been taken by a runner';
