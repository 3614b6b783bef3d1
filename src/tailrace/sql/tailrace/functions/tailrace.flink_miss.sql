create or replace function tailrace.flink_miss(
    i_cluster text,
    i_runs    jsonb,
    i_asked   timestamptz
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_miss(3)
--
--      Deals with jobs that a Flink cluster does not know any more, be it that it was restarted or
--      that it has forgotten what ended long ago.
--
-- Parameters:
--      i_cluster  - name of the cluster, or its first place (tailrace.flink_cluster)
--      i_runs     - array of {engine_id, …}: what it knows
--      i_asked    - when it was asked
--
-- Returns:
--      nothing
--
-- Tables directly manipulated:
--      update - tailrace.flink_run
--      delete - tailrace.flink_job
-- ----------------------------------------------------------------------
begin
    update tailrace.flink_run as r
    set status = case when j.wanted <> 'running' and r.status = 'CANCELLING' then 'CANCELED' else 'SUSPENDED' end,
        ended_at = pg_catalog.clock_timestamp(),
        error = 'the cluster does not know it any more: it has been restarted, or has lost it'
    from tailrace.flink_job as j
    where j.cluster = i_cluster and r.job_id = j.job_id and r.submitted_at < i_asked
        and r.status not in ('FAILED', 'CANCELED', 'FINISHED', 'SUSPENDED')
        and not i_runs @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('engine_id', r.engine_id));

    delete from tailrace.flink_job as j
    where j.cluster = i_cluster and (j.is_foreign or j.is_dropped)
        and not exists (
            select 1 from tailrace.flink_run as r
            where r.job_id = j.job_id
                and (r.status not in ('FAILED', 'CANCELED', 'FINISHED', 'SUSPENDED')
                    or r.status = 'SUSPENDED' and not j.is_dropped
                    or r.engine_id is null and r.asked_at > i_asked - interval '1 day'  -- it may yet come
                    or i_runs @> pg_catalog.jsonb_build_array(
                        pg_catalog.jsonb_build_object('engine_id', r.engine_id)))
        );
end;
$body$;

comment on function tailrace.flink_miss(text, jsonb, timestamptz) is
    'deals with jobs that a Flink cluster does not know any more';
