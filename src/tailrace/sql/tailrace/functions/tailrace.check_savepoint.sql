create or replace function tailrace.check_savepoint(
    i_job      tailrace.job,
    i_restores boolean default false
) returns void
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.check_savepoint(2)
--
--      Refuse a job of which there is nothing to save, or nothing that could be put back.
--
-- Parameters:
--      i_job       - job
--      i_restores  - it is to start from one; else one of it is to be made
--
-- Returns:
--      nothing; raises TR009 with the reason
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_node pgq_node.node_info;
begin
    select n.* into v_node from pgq_node.node_info as n where n.queue_name = i_job.queue_name;
    if i_job.kind = 'worker' and v_node.node_type = 'root' then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is the worker of root "%s" and writes no tables, so it has no savepoints',
                i_job.job_name, i_job.node_name),
            hint = 'name a job that writes some; list them with: SHOW JOBS EXTENDED';
    elsif i_job.kind = 'worker' and v_node.node_type = 'branch' then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" only brings the events of branch "%s" and writes no tables, so it has no savepoints',
                i_job.job_name, i_job.node_name),
            hint = pg_catalog.format('its tables are written by job "%s.apply"', i_job.node_name);
    elsif i_job.kind = 'worker' and v_node.combined_queue is not null then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" merges queue "%s" into queue "%s", whose readers have its rows already, so it has no savepoints',
                i_job.job_name, i_job.queue_name, v_node.combined_queue),
            hint = pg_catalog.format('name a job that reads queue "%s"', v_node.combined_queue);
    end if;
    if i_job.kind = 'consumer' then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is a program of its own, and what it writes is not known here, so it has no savepoints',
                i_job.job_name),
            hint = 'it keeps its place when it is stopped; its position can be moved with pgq.register_consumer_at';
    elsif i_job.kind = 'export' then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" writes files, which whoever reads them has seen, so it has no savepoints',
                i_job.job_name),
            hint = 'it keeps its place when it is stopped; savepoints are for the job that reads the files';
    elsif i_job.kind = 'import' then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" loads files and has no state but the list of those that it has loaded, so it has no savepoints',
                i_job.job_name),
            hint = 'it goes on where it stopped; with a drain it loads what is there first';
    elsif i_job.kind = 'sql' and i_job.wants_snapshot and not i_restores then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" has not run over the rows that its sources held yet, so there is nothing to save',
                i_job.job_name),
            hint = 'see how it is with: SHOW JOBS EXTENDED';
    end if;
    if exists (select 1 from tailrace.restore as r where r.job_id = i_job.job_id and r.state <> 'failed') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is just being started from a savepoint', i_job.job_name),
            hint = 'wait until it runs, or stop it';
    end if;
end;
$body$;

comment on function tailrace.check_savepoint(tailrace.job, boolean) is 'refuses a job of which no savepoint can be made';
