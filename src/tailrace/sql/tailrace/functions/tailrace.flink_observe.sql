create or replace function tailrace.flink_observe(
    i_cluster text,
    i_runs    jsonb,
    i_age     double precision
) returns setof tailrace.flink_jobs
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_observe(3)
--
--      Makes the catalogue agree with what a Flink cluster says it runs. Runs of ours that nobody had
--      an answer for are recognised by their id or by the mark in their name; others become foreign
--      jobs; what the cluster has lost is SUSPENDED. Writes only what has changed.
--
-- Parameters:
--      i_cluster  - name of the cluster, or its first place (tailrace.flink_cluster)
--      i_runs     - array of {engine_id, run_id, name, status, is_batch, start, end, error}; run_id is the
--                   mark in the name, or NULL; times in seconds
--      i_age      - seconds since the cluster was asked: what was submitted later is not missed
--
-- Returns:
--      the jobs of the cluster
--
-- Tables directly manipulated:
--      insert - tailrace.flink_job, tailrace.flink_run
--      update - tailrace.flink_run
--      delete - tailrace.flink_job: foreign and dropped ones that Flink has forgotten, too
-- ----------------------------------------------------------------------
declare
    v_asked constant timestamptz := pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => i_age);
begin
    with seen as (
        select s.*, coalesce(o.run_id, n.run_id) as known
        from pg_catalog.jsonb_to_recordset(i_runs) as s (engine_id text, run_id text, name text, status text,
            is_batch boolean, start double precision, "end" double precision, error text)
        left join tailrace.flink_run as o on o.engine_id = s.engine_id
        left join tailrace.flink_run as n on n.run_id = s.run_id and n.engine_id is null
    ), changed as (
        update tailrace.flink_run as r
        set engine_id = s.engine_id,
            submitted_at = coalesce(r.submitted_at, v_asked),
            status = s.status,
            has_run = r.has_run or s.status in ('RUNNING', 'FINISHED'),
            is_batch = s.is_batch,
            started_at = pg_catalog.to_timestamp(s.start),
            ended_at = pg_catalog.to_timestamp(s."end"),
            error = case when s.status = r.status then coalesce(s.error, r.error) else s.error end
        from seen as s
        where r.run_id = s.known
            and ((r.engine_id, r.status, r.is_batch, r.started_at) is distinct from
                    (s.engine_id, s.status, s.is_batch, pg_catalog.to_timestamp(s.start))
                or r.ended_at is distinct from pg_catalog.to_timestamp(s."end")
                or r.error is distinct from s.error and s.error is not null)
    ), found as (
        insert into tailrace.flink_job (job_id, job_name, cluster, is_foreign, run_id)
        select s.engine_id, s.name, i_cluster, true, s.engine_id
        from seen as s
        where s.known is null
        on conflict do nothing
        returning job_id
    )
    insert into tailrace.flink_run (run_id, job_id, engine_id, status, is_batch, submitted_at, started_at, ended_at,
        error, has_run)
    select s.engine_id, f.job_id, s.engine_id, s.status, s.is_batch, pg_catalog.to_timestamp(s.start),
        pg_catalog.to_timestamp(s.start), pg_catalog.to_timestamp(s."end"), s.error,
        s.status in ('RUNNING', 'FINISHED')
    from found as f
    join seen as s on s.engine_id = f.job_id;

    if exists (
        select 1
        from tailrace.flink_job as j
        join tailrace.flink_run as r on r.job_id = j.job_id
        where j.cluster = i_cluster and not i_runs @> pg_catalog.jsonb_build_array(
                pg_catalog.jsonb_build_object('engine_id', r.engine_id))
            and (r.run_id = j.run_id and (j.is_foreign or j.is_dropped)
                or r.status not in ('FAILED', 'CANCELED', 'FINISHED', 'SUSPENDED'))
    ) then
        perform tailrace.flink_miss(i_cluster, i_runs, v_asked);
    end if;
    return query select v.* from tailrace.flink_jobs as v
        where v.node = i_cluster order by v.start_time desc, v.job_name;
end;
$body$;

comment on function tailrace.flink_observe(text, jsonb, double precision) is
    'makes the catalogue agree with what a Flink cluster says it runs';
