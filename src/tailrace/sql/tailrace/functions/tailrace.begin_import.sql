create or replace function tailrace.begin_import(
    i_job_id   text,
    i_epoch    bigint,
    i_position bigint,
    i_files    bigint
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.begin_import(4)
--
--      Begin the transaction that loads files: compare runner and position, then set it, as
--      tailrace.advance does for what reads a queue.
--
-- Parameters:
--      i_job_id    - id of the job
--      i_epoch     - what tailrace.take_over returned to this runner
--      i_position  - number of files that had been loaded
--      i_files     - number of files that are loaded now
--
-- Returns:
--      tailrace.apply_shape() of the table; NULL: it is gone
--      Raises TR004 when there is no such job any more, TR021 (another runner) or TR020 (another position)
--
-- Calls:
--      tailrace.check_runner, tailrace.apply_shape
-- Tables directly manipulated:
--      update - pgq_node.local_state, tailrace.job
-- ----------------------------------------------------------------------
declare
    v_job      tailrace.job;
    v_position bigint;
begin
    select j.* into v_job from tailrace.job as j where j.job_id = i_job_id and j.kind = 'import';
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('job "%s" has been removed from database "%s" meanwhile',
                i_job_id, pg_catalog.current_database());
    end if;
    perform tailrace.check_runner(v_job.queue_name, v_job.consumer_name, i_epoch);
    select s.last_tick_id into v_position
    from pgq_node.local_state as s
    where s.queue_name = v_job.queue_name and s.consumer_name = v_job.consumer_name
    for no key update;
    if v_position is distinct from i_position then
        raise exception using errcode = 'TR020',
            message = pg_catalog.format('job "%s" has loaded %s files, this runner knows of %s',
                v_job.job_name, coalesce(v_position::text, 'no'), i_position),
            hint = 'nothing was written; the runner reads the position again';
    end if;
    update pgq_node.local_state as s
    set last_tick_id = i_position + i_files, cur_error = null
    where s.queue_name = v_job.queue_name and s.consumer_name = v_job.consumer_name;
    update tailrace.job as j set failures = 0 where j.job_id = i_job_id and j.failures > 0;
    return tailrace.apply_shape(tailrace.table_oid(v_job.settings ->> 'table'));
end;
$body$;

comment on function tailrace.begin_import(text, bigint, bigint, bigint) is
    'compares runner and position of an import, and moves it, in the transaction of its effect';
