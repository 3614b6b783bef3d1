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
), saved as materialized (
    -- at rest, but only for a savepoint that is still to be written
    select s.job_id from tailrace.savepoint as s where s.stops_job and s.state in ('requested', 'writing')
), restored as materialized (
    select r.job_id from tailrace.restore as r where r.state <> 'failed'
)
select
    j.job_id,
    j.job_name,
    case
        when j.job_id in (select restored.job_id from restored) then
            case when pg_catalog.hashtext(a.runner_name) in (select alive.runner from alive)
                then 'RESTARTING' else 'SUSPENDED' end
        when a.paused and j.job_id in (select saved.job_id from saved) then 'CANCELLING'
        else tailrace.job_status(a.paused, a.uptodate, j.wanted, a.cur_error is not null, a.runner_name is not null,
            pg_catalog.hashtext(a.runner_name) in (select alive.runner from alive))
    end as status,
    j.started_at as start_time,
    case when a.paused then j.ended_at end as end_time,
    'postgres'::text as engine,
    j.kind,
    j.node_name as node,
    pg_catalog.clock_timestamp() - t.tick_time as lag,
    coalesce(t.tick_id, a.last_tick_id)::text as position,
    coalesce(case when a.paused then j.ended_at end, pg_catalog.clock_timestamp()) - j.started_at as duration,
    j.statement,
    -- what ended it is over when it goes on
    coalesce(a.cur_error, case when a.paused then j.error end) as error
from tailrace.job as j
join at as a on a.job_id = j.job_id
left join lateral (
    select k.tick_id, k.tick_time
    from pgq.tick as k
    where k.tick_queue = a.queue_id and j.kind <> 'import' and (a.leads or k.tick_id = a.last_tick_id)
    order by k.tick_queue desc, k.tick_id desc
    limit 1
) as t on true;

comment on view tailrace.jobs is 'Jobs of this database with their status, as SHOW JOBS EXTENDED shows them';

-- What DESCRIBE JOB shows: those columns, and what else is known of a job.
create or replace view tailrace.job_details as
select
    v.job_id,
    v.job_name,
    v.status,
    v.start_time,
    v.end_time,
    v.engine,
    v.kind,
    v.node,
    v.lag,
    v.position,
    v.duration,
    v.statement,
    v.error,
    j.queue_name as queue,
    j.consumer_name as consumer,
    s.provider_node as provider,
    r.runner_name as runner,
    j.created_at as created,
    j.wanted,
    j.drain_tick as drains_to,
    j.settings as configuration,
    j.restored_from
from tailrace.jobs as v
join tailrace.job as j on j.job_id = v.job_id
join pgq_node.local_state as s on s.queue_name = j.queue_name and s.consumer_name = j.consumer_name
left join tailrace.runner as r on r.queue_name = j.queue_name and r.consumer_name = j.consumer_name;

comment on view tailrace.job_details is 'Jobs of this database with all that DESCRIBE JOB shows';

-- What SHOW CHECKPOINTS shows: the last finished batch of each job. Rows and position are one
-- transaction, so each takes the place of the one before. When the worker of a leaf finished its
-- own, only its provider knows.
create or replace view tailrace.checkpoints as
select
    v.job_id,
    v.job_name,
    v.position as checkpoint,
    v.position,
    'COMPLETED'::text as status,
    case when v.kind = 'import' then (
        select pg_catalog.max(f.loaded_at) from tailrace.import_file as f where f.job_id = v.job_id
    ) else (
        select s.sub_active
        from pgq.queue as q
        join pgq.consumer as c on c.co_name = v.consumer
        join pgq.subscription as s on s.sub_queue = q.queue_id and s.sub_consumer = c.co_id
        where q.queue_name = v.queue
    ) end as completed,
    null::bigint as size
from tailrace.job_details as v
where v.position is not null;

comment on view tailrace.checkpoints is 'The last finished batch of each job, as SHOW CHECKPOINTS shows it';

-- Jobs on Flink clusters, in the same columns; where they run stands where others have their node.
create or replace view tailrace.flink_jobs as
select
    j.job_id,
    j.job_name,
    r.status,
    r.started_at as start_time,
    r.ended_at as end_time,
    'flink'::text as engine,
    case when r.is_batch then 'batch' else 'streaming' end as kind,
    j.cluster as node,
    null::interval as lag,
    null::text as position,
    coalesce(r.ended_at, pg_catalog.clock_timestamp()) - r.started_at as duration,
    j.statement,
    r.error,
    r.engine_id,
    j.wanted,
    j.is_foreign,
    r.run_id,
    r.restored_from,
    r.checkpoint
from tailrace.flink_job as j
join tailrace.flink_run as r on r.run_id = j.run_id
where not j.is_dropped;

comment on view tailrace.flink_jobs is 'Jobs on Flink clusters with their status as last seen there';

-- What flows where in this database: an edge a row. A table or a job is one of this database, a queue
-- or a node is named by its node, so that the edges of all databases of a cascade make one graph.
create or replace view tailrace.lineage as
with placed as (
    select j.job_id, j.job_name, j.kind, j.queue_name, n.node_name, n.node_type, s.provider_node,
        tailrace.applying_consumer(n.queue_name) = j.consumer_name and n.node_type <> 'root' as applies,
        c.queue_name as combined_queue, c.node_name as combined_node, c.node_type as combined_type
    from tailrace.job as j
    join pgq_node.node_info as n on n.queue_name = j.queue_name
    join pgq_node.local_state as s on s.queue_name = j.queue_name and s.consumer_name = j.consumer_name
    left join pgq_node.node_info as c on c.queue_name = n.combined_queue
)
-- the root captures its tables
select 'table' as from_kind, n.node_name as from_node, i.dest_table as from_name,
    'queue' as to_kind, n.node_name as to_node, i.queue_name as to_name,
    null as job_id, array[i.table_name] as tables,
    (select pg_catalog.jsonb_object_agg(i.table_name || '.' || k.name, array[i.table_name || '.' || k.name])
     from pg_catalog.unnest(r.column_names) as k (name)) as columns, null as state
from tailrace.table_info as i
join pgq_node.node_info as n on n.queue_name = i.queue_name
left join tailrace.relation as r on r.relation_id = i.relation_id
where n.node_type = 'root'
union all
-- every job of a node reads a queue; a SQL job certain tables of it
select 'queue', p.provider_node, p.queue_name, 'job', p.node_name, p.job_name,
    p.job_id, c.tables, null::jsonb, null
from placed as p
left join lateral (
    select pg_catalog.array_agg(r.table_name order by r.table_name) as tables
    from tailrace.job_relation as r
    where r.job_id = p.job_id and r.is_changes
) as c on true
where p.kind not in ('sql', 'import') or c.tables is not null
union all
-- tables that a SQL job reads as they are, and the place of the files that are loaded
select case p.kind when 'import' then 'files' else 'table' end,
    case when p.kind <> 'import' then p.node_name else '' end, r.relation, 'job', p.node_name, p.job_name,
    p.job_id, null::text[], null::jsonb, null
from placed as p
join tailrace.job_relation as r on r.job_id = p.job_id
where r.direction = 'reads' and not r.is_changes
union all
-- and those that it writes
select 'job', p.node_name, p.job_name, 'table', p.node_name, r.relation,
    p.job_id, null::text[], null::jsonb, null
from placed as p
join tailrace.job_relation as r on r.job_id = p.job_id
where r.direction = 'writes'
union all
-- the places of the files that one writes, one for each table
select 'job', p.node_name, p.job_name, 'files', '', pg_catalog.rtrim(j.settings ->> 'to', '/') || '/' || tailrace.url_quote(r.table_name),
    p.job_id, array[r.table_name], null::jsonb, null
from placed as p
join tailrace.job as j on j.job_id = p.job_id
join tailrace.job_relation as r on r.job_id = p.job_id and r.is_changes
where p.kind = 'export'
union all
-- jobs on Flink: what has no place that is known is known by its name, on its cluster only
select case when r.place ~ '^(/|[a-z0-9+.-]+://)' then 'files' else 'external' end,
    case when r.place is null then f.node else '' end, coalesce(r.place, r.name),
    'job', f.node, f.job_name, f.job_id, null::text[], null::jsonb, f.status
from tailrace.flink_jobs as f
join tailrace.flink_job as j on j.job_id = f.job_id
cross join lateral pg_catalog.jsonb_to_recordset(j.reads) as r (name text, place text)
union all
select 'job', f.node, f.job_name,
    case when w.place ~ '^(/|[a-z0-9+.-]+://)' then 'files' else 'external' end,
    case when w.place is null then f.node else '' end, coalesce(w.place, w.name),
    f.job_id, null::text[], null::jsonb, null
from tailrace.flink_jobs as f
join tailrace.flink_job as j on j.job_id = f.job_id
cross join lateral pg_catalog.jsonb_to_recordset(j.writes) as w (name text, place text)
union all
-- the mirror of a branch writes its own queue, the worker of a leaf the one it is merged into
select 'job', p.node_name, p.job_name,
    'queue', coalesce(p.combined_node, p.node_name), coalesce(p.combined_queue, p.queue_name),
    p.job_id, null::text[], null::jsonb, null
from placed as p
where p.kind = 'worker' and (p.node_type = 'branch' or p.combined_type = 'root')
union all
-- who applies writes tables, unless they come through the queue that this one is merged into
select 'job', p.node_name, p.job_name, 'table', p.node_name, i.dest_table,
    p.job_id, array[i.table_name],
    (select pg_catalog.jsonb_object_agg(k.name, array[i.table_name || '.' || k.name])
     from pg_catalog.unnest(r.column_names) as k (name)), i.state
from placed as p
join tailrace.table_info as i on i.queue_name = p.queue_name
left join lateral (
    select d.column_names
    from tailrace.relation as d
    where d.table_name = i.table_name
    order by d.created_at desc, d.relation_id
    limit 1
) as r on true
where p.applies and p.combined_type is distinct from 'branch'
union all
-- nodes that read a queue from here; who can ask them knows more
select 'queue', n.node_name, n.queue_name, 'node', s.subscriber_node, n.queue_name,
    null, null::text[], null::jsonb, null
from pgq_node.subscriber_info as s
join pgq_node.node_info as n on n.queue_name = s.queue_name;

comment on view tailrace.lineage is
    'What flows where in this database: edges between tables, queues, jobs, and nodes elsewhere';
comment on column tailrace.lineage.from_kind is 'table, queue, job, files, or external: what else Flink reads';
comment on column tailrace.lineage.from_node is 'Node that it belongs to; files, and what has an address, belong to none';
comment on column tailrace.lineage.from_name is 'Table, queue or job; of files their directory or URL';
comment on column tailrace.lineage.to_kind is 'table, queue, job, node, files, or external: what else Flink writes';
comment on column tailrace.lineage.to_node is 'Node that it belongs to; files, and what has an address, belong to none';
comment on column tailrace.lineage.to_name is 'Table, queue or job; of a node the queue; of files their directory or URL';
comment on column tailrace.lineage.job_id is 'Job at one end of it; NULL: none';
comment on column tailrace.lineage.tables is 'Global names of the tables that flow here; NULL: all that come';
comment on column tailrace.lineage.columns is
    'For each column of what is written, the columns that it is made of (schema.table.column); NULL: not known';
comment on column tailrace.lineage.state is 'State of the table that is written, status of the job on Flink; NULL: it has none';

-- Savepoints of this database's jobs, newest first: what SHOW SAVEPOINTS shows of it. One that is being
-- written is not there yet. What another node holds for one, only that node knows.
create or replace view tailrace.savepoints as
select
    s.path as savepoint_path,
    s.job_id,
    s.tick_id as position,
    s.completed_at as created,
    s.size_bytes as size,
    c.pending_events as pinned_events,
    case
        when s.state = 'claimed' then 'job'
        when s.state = 'dropping' then 'dropping'
        when s.lost then 'lost'
        when p.consumer_name is null then 'unpinned'
        else 'user'
    end as ownership,
    s.job_name,
    s.kind,
    s.queue_name as queue,
    s.node_name as node,
    s.row_count,
    s.absent_tables,
    s.host,
    p.provider_node as held_by,
    s.error
from tailrace.savepoint as s
left join pgq_node.local_state as p
    on p.queue_name = s.queue_name and p.consumer_name = '.savepoint.' || s.savepoint_id
    and p.last_tick_id = s.tick_id
left join pgq_node.node_info as n on n.queue_name = s.queue_name
left join lateral (
    select i.pending_events
    from pgq.get_consumer_info(s.queue_name, p.consumer_name) as i
    where p.provider_node = n.node_name and n.node_type <> 'leaf'
) as c on true
where s.state in ('completed', 'claimed', 'dropping')
order by s.completed_at desc, s.path;

comment on view tailrace.savepoints is 'Savepoints of the jobs of this database, as SHOW SAVEPOINTS shows them';

-- Savepoints of those jobs that are there, or on their way.
create or replace view tailrace.flink_savepoints as
select
    s.path,
    s.job_id,
    s.job_name,
    s.state,
    s.asked_at,
    s.completed_at,
    s.size,
    s.directory,
    s.stops,
    s.drains,
    s.error,
    s.cluster,
    s.savepoint_id,
    s.engine_id
from tailrace.flink_savepoint as s
where s.state not in ('dropped', 'failed');

comment on view tailrace.flink_savepoints is 'Savepoints of jobs on Flink clusters';
