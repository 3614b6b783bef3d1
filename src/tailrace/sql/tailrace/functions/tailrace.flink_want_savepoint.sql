create or replace function tailrace.flink_want_savepoint(
    i_cluster   text,
    i_savepoint text,
    i_engine_id text,
    i_directory text,
    i_stops     boolean,
    i_drains    boolean
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_want_savepoint(6)
--
--      Writes down that a savepoint is about to be asked for, and, where the job ends with it, that
--      it shall. Saying it again changes nothing.
--
-- Parameters:
--      i_cluster    - name of the cluster, or its first place (tailrace.flink_cluster)
--      i_savepoint  - id of the savepoint and of the trigger
--      i_engine_id  - Flink's id of the run
--      i_directory  - directory of its own
--      i_stops      - whether the run ends with it
--      i_drains     - whether all that its sources have given is to be flushed before
--
-- Returns:
--      nothing
--
-- Tables directly manipulated:
--      insert - tailrace.flink_savepoint
--      update - tailrace.flink_job
-- ----------------------------------------------------------------------
begin
    insert into tailrace.flink_savepoint (savepoint_id, cluster, job_id, job_name, engine_id, state, directory,
        stops, drains)
    select i_savepoint, i_cluster, j.job_id, j.job_name, i_engine_id, 'requested', i_directory, i_stops, i_drains
    from tailrace.flink_run as r
    join tailrace.flink_job as j on j.job_id = r.job_id
    where r.engine_id = i_engine_id
    on conflict do nothing;
    if i_stops then
        update tailrace.flink_job as j
        set wanted = case when i_drains then 'finished' else 'canceled' end
        from tailrace.flink_run as r
        where r.engine_id = i_engine_id and j.run_id = r.run_id;
    end if;
end;
$body$;

comment on function tailrace.flink_want_savepoint(text, text, text, text, boolean, boolean) is
    'writes down that a savepoint of a job on a Flink cluster is about to be asked for';
