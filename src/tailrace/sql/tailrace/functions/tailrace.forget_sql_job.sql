create or replace function tailrace.forget_sql_job(
    i_job_id text
) returns boolean
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.forget_sql_job(1)
--
--      Remove a job that is no node's with its registration, in whatever state it is; for DROP JOB, and to undo the
--      creation of one that cannot begin. Where its consumer is registered on another node, a
--      runner of this database takes it away there.
--
-- Parameters:
--      i_job_id  - id of the job
--
-- Returns:
--      whether there was such a job
--
-- Calls:
--      pgq.unregister_consumer, pgq_node.unregister_consumer, tailrace.let_go_locally
-- Tables directly manipulated:
--      insert - tailrace.job_leaving
--      delete - tailrace.runner
-- ----------------------------------------------------------------------
declare
    v_job   tailrace.job;
    v_state pgq_node.local_state;
    v_own   boolean;
begin
    select j.* into v_job from tailrace.job as j where j.job_id = i_job_id and j.kind in ('sql', 'export', 'import', 'consumer');
    if not found then
        return false;
    end if;
    select s.* into v_state
    from pgq_node.local_state as s
    where s.queue_name = v_job.queue_name and s.consumer_name = v_job.consumer_name;
    select s.node_name = v_state.provider_node into v_own
    from pgq_node.node_info as s
    where s.queue_name = v_job.queue_name;

    if exists (select 1 from pgq.queue as q where q.queue_name = v_job.queue_name) then
        perform pgq.unregister_consumer(v_job.queue_name, v_job.consumer_name);
    end if;
    if not v_own then
        insert into tailrace.job_leaving (queue_name, consumer_name, provider_node)
        values (v_job.queue_name, v_job.consumer_name, v_state.provider_node)
        on conflict do nothing;
    end if;
    perform pgq_node.unregister_consumer(v_job.queue_name, v_job.consumer_name);
    delete from tailrace.runner as r
    where r.queue_name = v_job.queue_name and r.consumer_name = v_job.consumer_name;
    perform tailrace.let_go_locally();
    return true;
end;
$body$;

comment on function tailrace.forget_sql_job(text) is 'removes a job that is no node''s with its registration';
