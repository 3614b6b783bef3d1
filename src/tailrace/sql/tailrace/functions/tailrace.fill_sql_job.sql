create or replace function tailrace.fill_sql_job(
    i_job_id   text,
    i_queue    text,
    i_consumer text,
    i_epoch    bigint,
    i_tick     bigint
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.fill_sql_job(5)
--
--      Set the position of a SQL job to the tick of the snapshot that this transaction sees, in
--      which its statements then run over all rows. The registration stays behind until the next
--      batch: the tick may be younger than the snapshot.
--
-- Parameters:
--      i_job_id             - id of the job
--      i_queue, i_consumer  - what it reads, and as whom
--      i_epoch              - what tailrace.take_over returned to this runner
--      i_tick               - tick of the snapshot
--
-- Returns:
--      nothing; raises TR021 (another runner), TR009 (it has been filled)
--
-- Calls:
--      tailrace.check_runner
-- Tables directly manipulated:
--      update - tailrace.job, pgq_node.local_state
-- ----------------------------------------------------------------------
begin
    perform tailrace.check_runner(i_queue, i_consumer, i_epoch);
    update pgq_node.local_state as s set last_tick_id = i_tick, cur_error = null
    where s.queue_name = i_queue and s.consumer_name = i_consumer;
    update tailrace.job as j set wants_snapshot = false, failures = 0
    where j.job_id = i_job_id and j.wants_snapshot;
    if not found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job %s has been filled already', i_job_id);
    end if;
end;
$body$;

comment on function tailrace.fill_sql_job(text, text, text, bigint, bigint) is
    'sets a SQL job to the tick of the snapshot that it is filled from';
