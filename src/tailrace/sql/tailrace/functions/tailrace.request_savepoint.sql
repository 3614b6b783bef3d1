create or replace function tailrace.request_savepoint(
    i_job     text,
    directory text default null
) returns table (job_id text, savepoint_path text)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.request_savepoint(2)
--
--      Ask for a savepoint of a job, and return at once. The job goes on, or stays at rest. The job's
--      runner writes the files, where it runs. tailrace.create_savepoint waits for it.
--
-- Parameters:
--      i_job      - name, id or beginning of the id
--      directory  - path or URL; NULL: that of setting state.savepoints.dir
--
-- Returns:
--      job_id          - id of the job
--      savepoint_path  - path that it will have; until it is complete it is not listed
--
-- Calls:
--      tailrace.find_job, tailrace.ask_savepoint
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_job tailrace.job := tailrace.find_job(i_job);
begin
    return query select v_job.job_id, tailrace.ask_savepoint(v_job, request_savepoint.directory, false);
end;
$body$;

comment on function tailrace.request_savepoint(text, text) is 'asks for a savepoint of a job and returns at once';
