create or replace function tailrace.request_drop_savepoint(
    i_path text
) returns table (savepoint_id text, savepoint_path text)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.request_drop_savepoint(1)
--
--      Ask for a savepoint to be removed, and return at once. Its files go first, then the events it
--      held, then its entry; what cannot be reached now is tried again. Nobody can start from it any
--      more. tailrace.drop_savepoint waits for it.
--
-- Parameters:
--      i_path  - its path
--
-- Returns:
--      savepoint_id, savepoint_path - of the savepoint
--      Raises TR004 when it is not known, TR009 when a job owns it or just starts from it.
--
-- Calls:
--      tailrace.find_savepoint
-- Tables directly manipulated:
--      update - tailrace.savepoint
-- ----------------------------------------------------------------------
declare
    v_one tailrace.savepoint := tailrace.find_savepoint(i_path);
    v_job text;
begin
    select j.job_name into v_job
    from tailrace.restore as r
    join tailrace.job as j on j.job_id = r.job_id
    where r.path = v_one.path and r.state <> 'failed';
    if found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is just being started from savepoint "%s"', v_job, v_one.path),
            hint = 'drop it when the job runs';
    end if;
    if v_one.state = 'claimed' then
        select j.job_name into v_job from tailrace.job as j where j.job_id = v_one.claimed_by;
        if found then
            raise exception using errcode = 'TR009',
                message = pg_catalog.format('savepoint "%s" is owned by job "%s", which started from it with CLAIM',
                    v_one.path, v_job),
                hint = pg_catalog.format('the job drops it by itself when it has a newer one: CREATE SAVEPOINT FOR JOB %L', v_job);
        end if;
    end if;
    update tailrace.savepoint as s set state = 'dropping' where s.savepoint_id = v_one.savepoint_id;
    perform pg_catalog.pg_notify('tailrace_tick', '.savepoints');
    return query select v_one.savepoint_id, v_one.path;
end;
$body$;

comment on function tailrace.request_drop_savepoint(text) is 'asks for a savepoint to be removed and returns at once';
