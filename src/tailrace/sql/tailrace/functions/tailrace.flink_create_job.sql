create or replace function tailrace.flink_create_job(
    i_cluster   text,
    i_name      text,
    i_id        text,
    i_statement text,
    i_setup     text[],
    i_settings  jsonb,
    i_reads     jsonb,
    i_writes    jsonb
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_create_job(8)
--
--      Writes down a new job of a Flink cluster and that its first run is wanted. The cluster is
--      asked only after this has been committed.
--
-- Parameters:
--      i_cluster    - name of the cluster, or its first place (tailrace.flink_cluster)
--      i_name       - name, that no other job has that was created there
--      i_id         - id of the job and of its first run
--      i_statement  - SQL that it runs
--      i_setup      - definitions that the statement needs
--      i_settings   - settings of Flink for each run
--      i_reads, i_writes - lineage, arrays of {name, place}
--
-- Returns:
--      the id; raises TR005 when there is a job of that name
--
-- Tables directly manipulated:
--      insert - tailrace.flink_job, tailrace.flink_run
-- ----------------------------------------------------------------------
declare
    v_status text;
begin
    insert into tailrace.flink_job (job_id, job_name, cluster, statement, setup, settings, reads, writes, run_id)
    values (i_id, i_name, i_cluster, i_statement, i_setup, i_settings, i_reads, i_writes, i_id)
    on conflict do nothing;
    if not found then
        select v.status into v_status from tailrace.flink_jobs as v
        where v.node = i_cluster and v.job_name = i_name and not v.is_foreign;
        raise exception using errcode = 'TR005',
            message = pg_catalog.format('there is a job "%s" already; it is %s', i_name, v_status),
            hint = case when v_status in ('FAILED', 'CANCELED', 'FINISHED', 'SUSPENDED')
                then pg_catalog.format('start it with: START JOB %1$L, or forget it with: DROP JOB %1$L', i_name)
                else 'choose another name' end;
    end if;
    insert into tailrace.flink_run (run_id, job_id) values (i_id, i_id);
    return i_id;
end;
$body$;

comment on function tailrace.flink_create_job(text, text, text, text, text[], jsonb, jsonb, jsonb) is
    'writes down a new job of a Flink cluster, and that its first run is wanted';
