create or replace function tailrace.note_removed_files(
    i_job_id text,
    i_paths  text[]
) returns integer
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.note_removed_files(2)
--
--      Note that files that an import has loaded are removed, and forget those that were removed long
--      ago. What is in the directory is never forgotten: it would be loaded again.
--
-- Parameters:
--      i_job_id  - id of the job
--      i_paths   - files that are gone
--
-- Returns:
--      number of files that were forgotten
--
-- Tables directly manipulated:
--      update, delete - tailrace.import_file
-- ----------------------------------------------------------------------
declare
    v_count integer;
begin
    update tailrace.import_file as f
    set removed_at = pg_catalog.clock_timestamp()
    where f.job_id = i_job_id and f.path = any (i_paths) and f.removed_at is null;
    delete from tailrace.import_file as f
    where f.job_id = i_job_id and f.removed_at < pg_catalog.clock_timestamp() - interval '7 days';
    get diagnostics v_count = row_count;
    return v_count;
end;
$body$;

comment on function tailrace.note_removed_files(text, text[]) is 'notes that loaded files are removed';
