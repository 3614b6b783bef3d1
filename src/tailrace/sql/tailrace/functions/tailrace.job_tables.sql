create or replace function tailrace.job_tables(
    i_job_id text,
    out table_name  text,
    out local_table text,
    out state       text
) returns setof record
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.job_tables(1)
--
--      The tables that a job owns, which are what its savepoints hold: of the worker of a leaf and
--      of <node>.apply those that the node replicates, of a SQL job those that it writes. What a
--      program writes is not known here.
--
-- Parameters:
--      i_job_id  - id of the job
--
-- Returns:
--      table_name   - global name
--      local_table  - what it is called here
--      state        - live: its rows belong to the job's position; else it is in its initial copy
--
-- Calls:
--      tailrace.applying_consumer
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select i.table_name, i.dest_table, i.state
    from tailrace.job as j
    join tailrace.table_info as i on i.queue_name = j.queue_name
    where j.job_id = i_job_id
        and j.kind in ('worker', 'apply')
        and tailrace.applying_consumer(j.queue_name) = j.consumer_name
    union all
    select r.relation, r.relation, 'live'
    from tailrace.job_relation as r
    where r.job_id = i_job_id and r.direction = 'writes'
    order by 1;
$body$;

comment on function tailrace.job_tables(text) is 'the tables that a job owns';
