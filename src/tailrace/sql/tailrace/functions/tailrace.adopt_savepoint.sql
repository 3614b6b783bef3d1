create or replace function tailrace.adopt_savepoint(
    i_path   text,
    i_job_id text,
    i_tick   bigint,
    i_rows   bigint,
    i_bytes  bigint,
    i_host   text
) returns void
language sql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.adopt_savepoint(6)
--
--      Write down a savepoint that was found by its files alone, when a job is to own it. It holds
--      no events.
--
-- Parameters:
--      i_path          - its path
--      i_job_id        - job that starts from it
--      i_tick, i_rows, i_bytes, i_host - as in tailrace.complete_savepoint
--
-- Returns:
--      nothing; one that is known stays as it is
--
-- Tables directly manipulated:
--      insert - tailrace.savepoint
-- ----------------------------------------------------------------------
    insert into tailrace.savepoint (savepoint_id, path, job_id, job_name, kind, queue_name, node_name,
        consumer_name, state, tick_id, row_count, size_bytes, host, completed_at)
    select pg_catalog.right(i_path, 12), i_path, j.job_id, j.job_name, j.kind, j.queue_name, j.node_name,
        j.consumer_name, 'completed', i_tick, i_rows, i_bytes, i_host, pg_catalog.clock_timestamp()
    from tailrace.job as j
    where j.job_id = i_job_id
    on conflict do nothing;
$body$;

comment on function tailrace.adopt_savepoint(text, text, bigint, bigint, bigint, text) is
    'writes down a savepoint that was found by its files alone';
