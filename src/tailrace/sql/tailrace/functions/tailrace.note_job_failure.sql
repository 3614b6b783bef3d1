create or replace function tailrace.note_job_failure(
    i_job_id text,
    i_epoch  bigint,
    i_error  text,
    i_final  boolean
) returns boolean
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.note_job_failure(4)
--
--      Count a failed attempt of a SQL job; after the last one that its setting restart.attempts
--      allows, or where trying again cannot help, the job is FAILED. Nothing happens when another
--      runner has the job now.
--
-- Parameters:
--      i_job_id  - id of the job
--      i_epoch   - what tailrace.take_over returned to the runner that failed
--      i_error   - what went wrong
--      i_final   - trying again cannot help
--
-- Returns:
--      whether it is FAILED now
--
-- Calls:
--      pgq_node.set_consumer_paused
-- Tables directly manipulated:
--      update - tailrace.job, pgq_node.local_state
-- ----------------------------------------------------------------------
declare
    v_job tailrace.job;
begin
    select j.* into v_job
    from tailrace.job as j
    join tailrace.runner as r on r.queue_name = j.queue_name and r.consumer_name = j.consumer_name
    where j.job_id = i_job_id and r.epoch = i_epoch and j.wanted = 'running';
    if not found then
        return false;
    end if;
    update tailrace.job as j
    set failures = j.failures + 1,
        wanted = case when i_final or j.failures >= (j.settings ->> 'restart.attempts')::integer
            then 'failed' else j.wanted end,
        error = i_error
    where j.job_id = i_job_id
    returning j.* into v_job;
    if v_job.wanted <> 'failed' then
        return false;
    end if;
    perform pgq_node.set_consumer_paused(v_job.queue_name, v_job.consumer_name, true);
    update pgq_node.local_state as s set uptodate = true, cur_error = null
    where s.queue_name = v_job.queue_name and s.consumer_name = v_job.consumer_name;
    return true;
end;
$body$;

comment on function tailrace.note_job_failure(text, bigint, text, boolean) is
    'counts a failed attempt of a SQL job, and ends the job after the last';
