create or replace function tailrace.fail_jobs_beyond(
    i_queue text,
    i_tick  bigint
) returns integer
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.fail_jobs_beyond(2)
--
--      A node comes back whose last changes nobody else has seen, and they are taken away. What SQL
--      jobs of it have counted of them, or written into files, cannot be taken back: those jobs fail.
--
-- Parameters:
--      i_queue  - queue
--      i_tick   - last tick that the node has in common with the others
--
-- Returns:
--      number of jobs
--
-- Tables directly manipulated:
--      update - tailrace.job, pgq_node.local_state
-- ----------------------------------------------------------------------
declare
    v_jobs text[];
begin
    v_jobs := array(
        select j.job_id
        from tailrace.job as j
        join pgq_node.local_state as s on s.queue_name = j.queue_name and s.consumer_name = j.consumer_name
        where j.queue_name = i_queue
            and (j.kind in ('sql', 'export') and s.last_tick_id > i_tick or exists (
                select 1 from tailrace.export_file as e where e.job_id = j.job_id and e.to_tick > i_tick))
        for no key update of s);
    update tailrace.job as j
    set wanted = 'failed',
        error = pg_catalog.format('changes after tick %s of queue "%s" were lost with the old root, and the job has %s',
            i_tick, i_queue, case j.kind
                when 'export' then 'written them into files; drop it, and create it again with another directory and its rows'
                else 'counted them; drop it, empty its tables, and create it again with ''initial'' = ''snapshot''' end)
    where j.job_id = any (v_jobs);
    update pgq_node.local_state as s
    set paused = true
    from tailrace.job as j
    where j.job_id = any (v_jobs) and s.queue_name = j.queue_name and s.consumer_name = j.consumer_name;
    return pg_catalog.cardinality(v_jobs);
end;
$body$;

comment on function tailrace.fail_jobs_beyond(text, bigint) is
    'fails the SQL jobs that have counted changes which are taken away';
