create or replace function tailrace.note_export(
    i_job_id    text,
    i_queue     text,
    i_consumer  text,
    i_epoch     bigint,
    i_from_tick bigint,
    i_to_tick   bigint,
    i_files     jsonb
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.note_export(7)
--
--      Write down which files of a batch are about to be seen. From here on the batch ends at this
--      tick, whoever goes on with it; so the same changes never come to stand in two files.
--
-- Parameters:
--      i_job_id                - id of the job
--      i_queue, i_consumer     - what it reads, and as whom
--      i_epoch                 - what tailrace.take_over returned to this runner
--      i_from_tick, i_to_tick  - the batch; 0 and the tick of a snapshot: the rows that were there
--      i_files                 - array of {table_name, row_count, byte_count}
--
-- Returns:
--      nothing; raises TR021 when another runner has taken over
--
-- Calls:
--      tailrace.check_runner
-- Tables directly manipulated:
--      insert, update - tailrace.export_file
-- ----------------------------------------------------------------------
begin
    perform tailrace.check_runner(i_queue, i_consumer, i_epoch);
    insert into tailrace.export_file as e (job_id, table_name, from_tick, to_tick, row_count, byte_count)
    select i_job_id, f.table_name, i_from_tick, i_to_tick, f.row_count, f.byte_count
    from pg_catalog.jsonb_to_recordset(i_files) as f (table_name text, row_count bigint, byte_count bigint)
    -- a snapshot that nobody has seen is taken anew
    on conflict (job_id, table_name, from_tick) do update
        set to_tick = excluded.to_tick, row_count = excluded.row_count, byte_count = excluded.byte_count
        where e.published_at is null;
end;
$body$;

comment on function tailrace.note_export(text, text, text, bigint, bigint, bigint, jsonb) is
    'writes down which files of a batch are about to be seen';
