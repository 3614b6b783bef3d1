create or replace function tailrace.flink_run_submitted(
    i_run_id    text,
    i_engine_id text,
    i_error     text
) returns void
language sql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_run_submitted(3)
--
--      Writes down what the cluster has answered to a submission.
--
-- Parameters:
--      i_run_id     - run that was asked for
--      i_engine_id  - Flink's id of it; NULL: Flink refused it
--      i_error      - why; NULL: it did not
--
-- Returns:
--      nothing; a run that has been seen on the cluster meanwhile is left as it is, and of two
--      reasons why it was refused the first one stays
--
-- Tables directly manipulated:
--      update - tailrace.flink_run
-- ----------------------------------------------------------------------
    update tailrace.flink_run as r
    set engine_id = i_engine_id,
        submitted_at = case when i_error is null then pg_catalog.clock_timestamp() end,
        status = case when i_error is null then r.status else 'FAILED' end,
        ended_at = case when i_error is not null then pg_catalog.clock_timestamp() end,
        error = i_error
    where r.run_id = i_run_id and r.engine_id is null and (i_error is null or r.status = 'CREATED')
$body$;

comment on function tailrace.flink_run_submitted(text, text, text) is
    'writes down what a Flink cluster has answered to a submission';
