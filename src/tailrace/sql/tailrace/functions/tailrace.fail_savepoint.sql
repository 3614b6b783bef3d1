create or replace function tailrace.fail_savepoint(
    i_savepoint_id text,
    i_error        text
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.fail_savepoint(2)
--
--      Give a savepoint up that cannot be written, with the reason. A job that was to stop with it
--      goes on: stopping with a savepoint means both or neither.
--
-- Parameters:
--      i_savepoint_id  - id of the savepoint
--      i_error         - the reason
--
-- Returns:
--      nothing
--
-- Calls:
--      pgq_node.set_consumer_paused
-- Tables directly manipulated:
--      update - tailrace.savepoint, tailrace.job
-- ----------------------------------------------------------------------
declare
    v_one tailrace.savepoint;
begin
    update tailrace.savepoint as s
    set state = 'failed', error = i_error, completed_at = pg_catalog.clock_timestamp()
    where s.savepoint_id = i_savepoint_id and s.state in ('requested', 'writing')
    returning s.* into v_one;
    if not found or not v_one.stops_job then
        return;
    end if;
    perform pgq_node.set_consumer_paused(v_one.queue_name, v_one.consumer_name, false);
    update tailrace.job as j
    set wanted = 'running', drain_since = null, drain_tick = null
    where j.job_id = v_one.job_id;
end;
$body$;

comment on function tailrace.fail_savepoint(text, text) is 'gives a savepoint up that cannot be written';
