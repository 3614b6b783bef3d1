create or replace function tailrace.close_restore(
    i_job_id text
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.close_restore(1)
--
--      A job has the rows and the position of its savepoint, and whoever holds its queue keeps the
--      events after it: the job goes on.
--
-- Parameters:
--      i_job_id  - id of the job
--
-- Returns:
--      nothing; also when somebody has stopped the job meanwhile, which then stays at rest
--
-- Calls:
--      pgq_node.set_consumer_paused
-- Tables directly manipulated:
--      delete - tailrace.restore; update - tailrace.job, tailrace.savepoint
-- ----------------------------------------------------------------------
declare
    v_restore tailrace.restore;
begin
    delete from tailrace.restore as r
    where r.job_id = i_job_id and r.state = 'loaded'
    returning r.* into v_restore;
    if not found then
        return;
    end if;
    update tailrace.job as j set restored_from = v_restore.path where j.job_id = i_job_id;
    if v_restore.claim then
        update tailrace.savepoint as s
        set state = 'claimed', claimed_by = i_job_id
        where s.path = v_restore.path and s.state in ('completed', 'claimed');
    end if;
    perform pgq_node.set_consumer_paused(j.queue_name, j.consumer_name, false)
    from tailrace.job as j
    where j.job_id = i_job_id;
end;
$body$;

comment on function tailrace.close_restore(text) is 'lets a job go on that has been started from a savepoint';
