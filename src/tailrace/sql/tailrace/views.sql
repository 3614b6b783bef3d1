-- Views of schema tailrace, for people and for any SQL client.

-- Jobs of this database: what SHOW JOBS EXTENDED shows of it. The columns stand in the order of
-- docs/reference/statements.md; more may be added behind them.
create or replace view tailrace.jobs as
with alive as materialized (
    select l.runner from tailrace.live_runners() as l
), at as materialized (
    select j.job_id, s.paused, s.uptodate, s.cur_error, n.node_type = 'root' and j.kind = 'worker' as leads,
        q.queue_id, s.last_tick_id, r.runner_name
    from tailrace.job as j
    join pgq_node.local_state as s on s.queue_name = j.queue_name and s.consumer_name = j.consumer_name
    join pgq_node.node_info as n on n.queue_name = j.queue_name
    left join pgq.queue as q on q.queue_name = j.queue_name and n.node_type <> 'leaf'
    left join tailrace.runner as r on r.queue_name = j.queue_name and r.consumer_name = j.consumer_name
)
select
    j.job_id,
    j.job_name,
    tailrace.job_status(a.paused, a.uptodate, j.wanted, a.cur_error is not null, a.runner_name is not null,
        pg_catalog.hashtext(a.runner_name) in (select alive.runner from alive)) as status,
    j.started_at as start_time,
    case when a.paused then j.ended_at end as end_time,
    'postgres'::text as engine,
    j.kind,
    j.node_name as node,
    pg_catalog.clock_timestamp() - t.tick_time as lag,
    coalesce(t.tick_id, a.last_tick_id)::text as position,
    coalesce(case when a.paused then j.ended_at end, pg_catalog.clock_timestamp()) - j.started_at as duration,
    j.statement,
    coalesce(a.cur_error, j.error) as error
from tailrace.job as j
join at as a on a.job_id = j.job_id
left join lateral (
    select k.tick_id, k.tick_time
    from pgq.tick as k
    where k.tick_queue = a.queue_id and (a.leads or k.tick_id = a.last_tick_id)
    order by k.tick_queue desc, k.tick_id desc
    limit 1
) as t on true;

comment on view tailrace.jobs is 'Jobs of this database with their status, as SHOW JOBS EXTENDED shows them';
