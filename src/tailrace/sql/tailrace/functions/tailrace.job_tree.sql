create or replace function tailrace.job_tree(
    i_job    text,
    upstream boolean default false
) returns table (level integer, kind text, name text, job_id text, status text)
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.job_tree(2)
--
--      What is downstream of a job, or upstream, as far as this database knows: view tailrace.lineage,
--      walked. What can be reached in several ways is listed in each place; a circle ends where it
--      closes.
--
-- Parameters:
--      i_job     - name, id or beginning of the id
--      upstream  - whence its data comes instead of where it goes
--
-- Returns:
--      a row for each thing, the job first, each one followed by what comes next:
--      level   - how many steps from the job
--      kind    - job, queue, table, files, external, or node: one elsewhere, which knows what follows
--      name    - a job's name; else led by the node that it belongs to
--      job_id  - id of a job
--      status  - of a job, or state of a replicated table
--      Raises TR004 when there is no such job.
--
-- Calls:
--      tailrace.find_job
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    with recursive place as (
        -- tables and the local queue are the database's, which may be a node of several queues
        select coalesce((
            select n.node_name
            from pgq_node.node_info as n
            where n.queue_name <> 'tailrace.local'
            order by n.queue_name collate "C"
            limit 1
        ), pg_catalog.current_database()::text collate "default") as name
    ), edge as materialized (
        -- one for each pair, in the direction of the walk; tables: those that flow, NULL: all.
        -- What is met is kind, node, name, and the id of a job, whose node says nothing
        select
            case when job_tree.upstream then d.target else d.source end as here,
            case when job_tree.upstream then d.source else d.target end as there,
            case when pg_catalog.bool_and(e.tables is not null) then pg_catalog.array_agg(distinct t.name) end as tables
        from tailrace.lineage as e
        cross join place as p
        cross join lateral (
            select
                case when e.from_kind = 'job' then array['job', '', e.from_name, e.job_id]
                    when e.from_kind = 'table' or e.from_name = 'tailrace.local' then array[e.from_kind, p.name, e.from_name, '']
                    else array[e.from_kind, e.from_node, e.from_name, ''] end as source,
                case when e.to_kind = 'job' then array['job', '', e.to_name, e.job_id]
                    when e.to_kind = 'table' or e.to_name = 'tailrace.local' then array[e.to_kind, p.name, e.to_name, '']
                    else array[e.to_kind, e.to_node, e.to_name, ''] end as target
        ) as d
        left join lateral pg_catalog.unnest(e.tables) as t (name) on true
        group by 1, 2
    ), walk as (
        select 0 as level, array['job', '', f.job_name, f.job_id] as met, null::text[] as tables,
            array[f.job_name collate "C"] as path, array[f.job_id] as seen, false as again
        from tailrace.find_job(i_job) as f
        union all
        select w.level + 1, e.there,
            -- a worker hands on what it reads, table by table; another job makes something new of it
            case when e.there[1] = 'queue' or j.kind in ('worker', 'apply') then b.tables end,
            w.path || pg_catalog.concat_ws('/', nullif(e.there[2], ''), e.there[3]),
            w.seen || v.id,
            v.id = any (w.seen)
        from walk as w
        join edge as e on e.here = w.met
        cross join lateral (
            select case e.there[1] when 'job' then e.there[4] else pg_catalog.array_to_string(e.there, '/') end as id
        ) as v
        cross join lateral (
            select case when w.tables is null then e.tables when e.tables is null then w.tables
                else array(select t.name from pg_catalog.unnest(w.tables) as t (name) where t.name = any (e.tables)) end as tables
        ) as b
        left join tailrace.job as j on j.job_id = e.there[4]
        where not w.again and b.tables is distinct from '{}'
    )
    select w.level, w.met[1], w.path[pg_catalog.cardinality(w.path)], nullif(w.met[4], ''),
        case w.met[1]
            when 'job' then coalesce(j.status, f.status)
            when 'table' then (
                select pg_catalog.max(l.state)
                from tailrace.lineage as l
                where l.to_kind = 'table' and l.to_name = w.met[3]
            )
        end
    from walk as w
    left join tailrace.jobs as j on j.job_id = w.met[4]
    left join tailrace.flink_jobs as f on f.job_id = w.met[4]
    order by w.path, w.met[1];
$body$;

comment on function tailrace.job_tree(text, boolean) is 'what is downstream or upstream of a job, in this database';
