create or replace function tailrace.export_needed_since(
    i_directory text
) returns timestamptz
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.export_needed_since(1)
--
--      From when on files may still be read by a job on Flink of which this database knows: one that
--      starts from its oldest savepoint reads again what came after it, and one that has stopped
--      reads what has come since. An hour is left for files that were there and not read yet.
--
-- Parameters:
--      i_directory  - directory or URL of the files
--
-- Returns:
--      the moment; NULL: no such job, or all of them run and have no savepoint
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.min(least(
        case when f.status <> 'RUNNING' then coalesce(f.end_time, f.start_time) end,
        (select pg_catalog.min(s.asked_at)
         from tailrace.flink_savepoint as s
         where s.job_id = f.job_id and s.state in ('requested', 'completed', 'claimed')))) - interval '1 hour'
    from tailrace.flink_jobs as f
    join tailrace.flink_job as j on j.job_id = f.job_id
    where j.reads @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('place', i_directory))
$body$;

comment on function tailrace.export_needed_since(text) is
    'from when on files may still be read by a job on Flink of which this database knows';
