create or replace function tailrace.flink_found_savepoints(
    i_cluster text,
    i_found   jsonb
) returns integer
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_found_savepoints(2)
--
--      Lists savepoints that were found on disk and that nobody has written down. Whose they are is
--      told by the beginning of their job's id in their name.
--
-- Parameters:
--      i_cluster  - name of the cluster, or its first place (tailrace.flink_cluster)
--      i_found    - array of {savepoint_id, path, prefix, size, completed}; savepoint_id is used where the
--                   path is new, prefix is the beginning of Flink's id of the run, or NULL
--
-- Returns:
--      how many were new
--
-- Tables directly manipulated:
--      insert - tailrace.flink_savepoint
-- ----------------------------------------------------------------------
declare
    v_count integer;
begin
    insert into tailrace.flink_savepoint (savepoint_id, cluster, job_id, job_name, engine_id, state, path, size,
        completed_at)
    select f.savepoint_id, i_cluster, m.job_id, m.job_name, m.engine_id, 'foreign', f.path, f.size,
        pg_catalog.to_timestamp(f.completed)
    from pg_catalog.jsonb_to_recordset(i_found) as f (savepoint_id text, path text, prefix text, size bigint,
        completed double precision)
    left join lateral (
        select min(j.job_id) as job_id, min(j.job_name) as job_name, min(r.engine_id) as engine_id
        from tailrace.flink_run as r
        join tailrace.flink_job as j on j.job_id = r.job_id
        where j.cluster = i_cluster and pg_catalog.starts_with(r.engine_id, f.prefix)
        having count(*) = 1
    ) as m on true
    where not exists (
        select 1 from tailrace.flink_savepoint as s
        where s.path = f.path and s.state <> 'dropped'
            or s.directory is not null and pg_catalog.starts_with(f.path, s.directory || '/')
    )
    on conflict do nothing;
    get diagnostics v_count = row_count;
    return v_count;
end;
$body$;

comment on function tailrace.flink_found_savepoints(text, jsonb) is
    'lists savepoints of a Flink cluster that were found on disk';
