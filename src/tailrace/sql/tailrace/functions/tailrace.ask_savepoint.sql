create or replace function tailrace.ask_savepoint(
    i_job       tailrace.job,
    i_directory text,
    i_stops     boolean
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.ask_savepoint(3)
--
--      Write down that a savepoint of a job is wanted. Whoever runs the job writes it.
--
-- Parameters:
--      i_job        - job
--      i_directory  - where; NULL: see tailrace.savepoint_directory
--      i_stops      - the job is to come to rest first
--
-- Returns:
--      path that the savepoint will have
--
-- Calls:
--      tailrace.check_savepoint, tailrace.savepoint_directory
-- Tables directly manipulated:
--      insert - tailrace.savepoint
-- ----------------------------------------------------------------------
declare
    v_id   constant text := pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(
        pg_catalog.uuid_send(pg_catalog.gen_random_uuid())), 'hex'), 1, 12);
    v_path text;
begin
    perform tailrace.check_savepoint(i_job);
    v_path := pg_catalog.rtrim(tailrace.savepoint_directory(i_directory), '/')
        || '/savepoint-' || pg_catalog.left(i_job.job_id, 6) || '-' || v_id;
    insert into tailrace.savepoint
        (savepoint_id, path, job_id, job_name, kind, queue_name, node_name, consumer_name, stops_job)
    values (v_id, v_path, i_job.job_id, i_job.job_name, i_job.kind, i_job.queue_name, i_job.node_name,
        i_job.consumer_name, i_stops);
    perform pg_catalog.pg_notify('tailrace_tick', '.savepoints');
    return v_path;
end;
$body$;

comment on function tailrace.ask_savepoint(tailrace.job, text, boolean) is 'writes down that a savepoint is wanted';
