create or replace function tailrace.upstream_jobs(
    i_job_id text
) returns table (job_id text, job_name text, queue_name text, level integer, completed bigint, needed bigint)
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.upstream_jobs(1)
--
--      The jobs of this database whose tables a job reads, directly or through others, those that
--      come first in front.
--
-- Parameters:
--      i_job_id  - id of the job
--
-- Returns:
--      level      - how many jobs further up, on the longest way
--      completed  - tick that it has completed; NULL: it is still to be filled with what is there
--      needed     - tick that it has to reach before a drain of the job begins; NULL: not known yet
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    with recursive up (job_id, level) as (
        select i_job_id, 0
        union
        select w.job_id, u.level + 1
        from up as u
        join tailrace.job_relation as r
            on r.job_id = u.job_id and r.is_changes and r.queue_name = 'tailrace.local'
        join tailrace.job_relation as w on w.direction = 'writes' and w.relation = r.relation
    )
    select j.job_id, j.job_name, j.queue_name, pg_catalog.max(u.level),
        case when j.start_tick is not null and not j.wants_snapshot then s.last_tick_id end,
        (d.drain_after ->> j.job_id)::bigint
    from up as u
    join tailrace.job as j on j.job_id = u.job_id
    join pgq_node.local_state as s on s.queue_name = j.queue_name and s.consumer_name = j.consumer_name
    cross join (select k.drain_after from tailrace.job as k where k.job_id = i_job_id) as d
    where u.level > 0 and j.kind <> 'import' -- which reads no queue: what it has loaded is there
    group by j.job_id, j.job_name, j.queue_name, j.start_tick, j.wants_snapshot, s.last_tick_id, d.drain_after
    order by 4 desc, j.job_name
$body$;

comment on function tailrace.upstream_jobs(text) is 'the jobs whose tables a job reads, first things first';
