create or replace function tailrace.begin_export(
    i_job_id    text,
    i_queue     text,
    i_consumer  text,
    i_epoch     bigint,
    i_from_tick bigint
) returns table (relation text, shape text)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.begin_export(5)
--
--      Begin a batch of a job that writes files, and say what the tables look like whose changes it
--      reads. Its position moves only when the files are there (tailrace.finish_export).
--
-- Parameters:
--      i_job_id             - id of the job
--      i_queue, i_consumer  - what it reads, and as whom
--      i_epoch              - what tailrace.take_over returned to this runner
--      i_from_tick          - position that the batch starts from
--
-- Returns:
--      relation  - schema.table
--      shape     - tailrace.apply_shape(); NULL: the table is gone
--      Raises TR021 (another runner) or TR020 (another position).
--      To the end of the transaction, work_mem and jit are what suits the statements to come.
--
-- Calls:
--      tailrace.check_runner, tailrace.apply_shape
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_position bigint;
begin
    perform tailrace.check_runner(i_queue, i_consumer, i_epoch);
    -- the changes are put in order; what is asked of them is too short-lived to be compiled
    perform pg_catalog.set_config('work_mem', '64MB', true), pg_catalog.set_config('jit', 'off', true);
    select s.last_tick_id into v_position
    from pgq_node.local_state as s
    where s.queue_name = i_queue and s.consumer_name = i_consumer;
    if v_position is distinct from i_from_tick then
        raise exception using errcode = 'TR020',
            message = pg_catalog.format('consumer "%s" of queue "%s" is at tick %s in database "%s", the batch starts at tick %s',
                i_consumer, i_queue, v_position, pg_catalog.current_database(), i_from_tick),
            hint = 'nothing was written; the runner reads the position again';
    end if;
    return query
    select r.relation, tailrace.apply_shape(tailrace.table_oid(r.relation))
    from tailrace.job_relation as r
    where r.job_id = i_job_id and r.is_changes;
end;
$body$;

comment on function tailrace.begin_export(text, text, text, bigint, bigint) is
    'begins a batch of a job that writes files, and says what its tables look like';
