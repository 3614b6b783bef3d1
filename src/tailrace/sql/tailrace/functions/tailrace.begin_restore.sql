create or replace function tailrace.begin_restore(
    i_queue    text,
    i_consumer text,
    i_epoch    bigint,
    i_job_id   text,
    i_tables   text[]
) returns table (table_name text, local_table text)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.begin_restore(5)
--
--      Begin to bring the rows of a savepoint in, in the transaction that also sets the position:
--      nobody else may have an effect for the job to its end.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer of the job
--      i_epoch     - what tailrace.take_over returned to this runner
--      i_job_id    - id of the job
--      i_tables    - global names of the tables in the savepoint
--
-- Returns:
--      table_name, local_table - those tables as the job has them
--      Raises TR021 (another runner), TR009 when the job does not own one of them, or is not to be
--      started from a savepoint any more.
--
-- Calls:
--      tailrace.check_runner, tailrace.job_tables
-- Tables directly manipulated:
--      lock - pgq_node.local_state
-- ----------------------------------------------------------------------
declare
    v_missing text;
begin
    perform tailrace.check_runner(i_queue, i_consumer, i_epoch);
    perform 1 from pgq_node.local_state as p
    where p.queue_name = i_queue and p.consumer_name = i_consumer and p.paused
    for no key update;
    if not found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('consumer "%s" of queue "%s" is not at rest any more', i_consumer, i_queue);
    end if;
    select t.name into v_missing
    from pg_catalog.unnest(i_tables) as t (name)
    where t.name not in (select o.table_name from tailrace.job_tables(i_job_id) as o)
    order by 1
    limit 1;
    if found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('the job does not write table "%s", which is in the savepoint', v_missing),
            hint = pg_catalog.format('where it replicates: tailrace --queue %s add-table %s', i_queue, v_missing);
    end if;
    return query
        select o.table_name, o.local_table
        from tailrace.job_tables(i_job_id) as o
        where o.table_name = any (i_tables);
end;
$body$;

comment on function tailrace.begin_restore(text, text, bigint, text, text[]) is
    'begins to bring the rows of a savepoint in';
