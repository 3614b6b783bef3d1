create or replace function tailrace.drop_job(
    i_job text
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.drop_job(1)
--
--      Forget a job that has ended, with its registration. What a node cannot do without is not
--      dropped: its node is.
--
-- Parameters:
--      i_job  - name, id or beginning of the id
--
-- Returns:
--      id of the job that was; raises TR009 when it has not ended or belongs to its node
--
-- Calls:
--      tailrace.find_job, tailrace.forget_sql_job
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_job    tailrace.job;
    v_status text;
begin
    v_job := tailrace.find_job(i_job);
    if v_job.kind not in ('consumer', 'sql', 'export', 'import') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" belongs to node "%s" of queue "%s" and goes with it',
                v_job.job_name, v_job.node_name, v_job.queue_name),
            hint = pg_catalog.format('remove the node with: tailrace --queue %s drop-node %s',
                v_job.queue_name, v_job.node_name);
    end if;
    select v.status into v_status from tailrace.jobs as v where v.job_id = v_job.job_id;
    if v_status not in ('FAILED', 'CANCELED', 'FINISHED') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is %s; DROP needs one that has ended', v_job.job_name, v_status),
            hint = pg_catalog.format('stop it first with: call tailrace.stop_job(%L)', v_job.job_name);
    end if;
    perform tailrace.forget_sql_job(v_job.job_id);
    return v_job.job_id;
end;
$body$;

comment on function tailrace.drop_job(text) is 'forgets a job that has ended, with its registration';
