create or replace function tailrace.finish_export(
    i_job_id    text,
    i_queue     text,
    i_consumer  text,
    i_epoch     bigint,
    i_from_tick bigint,
    i_to_tick   bigint
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.finish_export(6)
--
--      The files of a batch are there, or it has none: move the job's position. After a snapshot the
--      position moves when all tables have theirs, to the oldest of them.
--
-- Parameters:
--      i_job_id                - id of the job
--      i_queue, i_consumer     - what it reads, and as whom
--      i_epoch                 - what tailrace.take_over returned to this runner
--      i_from_tick, i_to_tick  - the batch; from 0: a snapshot
--
-- Returns:
--      nothing; raises like tailrace.advance
--
-- Calls:
--      tailrace.advance, tailrace.check_runner, tailrace.fill_sql_job
-- Tables directly manipulated:
--      update - tailrace.export_file, tailrace.job
-- ----------------------------------------------------------------------
declare
    v_oldest bigint;
    v_open   boolean;
begin
    if i_from_tick > 0 then
        perform tailrace.advance(i_queue, i_consumer, i_epoch, i_from_tick, i_to_tick);
    else
        perform tailrace.check_runner(i_queue, i_consumer, i_epoch);
    end if;
    update tailrace.export_file as e set published_at = pg_catalog.clock_timestamp()
    where e.job_id = i_job_id and e.from_tick = i_from_tick and e.published_at is null;
    if i_from_tick = 0 then
        select pg_catalog.min(e.to_tick), pg_catalog.bool_or(e.published_at is null)
        into v_oldest, v_open
        from tailrace.job_relation as r
        left join tailrace.export_file as e
            on e.job_id = r.job_id and e.table_name = r.table_name and e.from_tick = 0
        where r.job_id = i_job_id and r.is_changes;
        if not v_open then
            perform tailrace.fill_sql_job(i_job_id, i_queue, i_consumer, i_epoch, v_oldest);
        end if;
    end if;
    update tailrace.job as j set failures = 0, error = null
    where j.job_id = i_job_id and (j.failures > 0 or j.error is not null);
end;
$body$;

comment on function tailrace.finish_export(text, text, text, bigint, bigint, bigint) is
    'moves the position of a job that writes files, when the files are there';
