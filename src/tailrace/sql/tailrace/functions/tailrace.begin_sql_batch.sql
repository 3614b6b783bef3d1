create or replace function tailrace.begin_sql_batch(
    i_job_id    text,
    i_queue     text,
    i_consumer  text,
    i_epoch     bigint,
    i_from_tick bigint,
    i_to_tick   bigint
) returns table (relation text, shape text)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.begin_sql_batch(6)
--
--      Begin a batch of a SQL job: move its position, and say what the tables look like whose
--      changes it reads.
--
-- Parameters:
--      i_job_id                - id of the job
--      i_queue, i_consumer     - what it reads, and as whom
--      i_epoch                 - what tailrace.take_over returned to this runner
--      i_from_tick, i_to_tick  - position before and after the batch
--
-- Returns:
--      relation  - schema.table
--      shape     - tailrace.apply_shape(); NULL: the table is gone
--      raises like tailrace.advance
--
-- Calls:
--      tailrace.advance, tailrace.apply_shape
-- Tables directly manipulated:
--      update - tailrace.job
-- ----------------------------------------------------------------------
begin
    perform tailrace.advance(i_queue, i_consumer, i_epoch, i_from_tick, i_to_tick);
    update tailrace.job as j set failures = 0 where j.job_id = i_job_id and j.failures > 0;
    return query
    select r.relation, tailrace.apply_shape(tailrace.table_oid(r.relation))
    from tailrace.job_relation as r
    where r.job_id = i_job_id and r.is_changes;
end;
$body$;

comment on function tailrace.begin_sql_batch(text, text, text, bigint, bigint, bigint) is
    'moves the position of a SQL job and says what its tables look like';
