create or replace function tailrace.begin_sql_job(
    i_job_id   text,
    i_tick     bigint,
    i_position bigint default null
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.begin_sql_job(3)
--
--      All that a SQL job reads is captured with old values from a tick on: there it begins.
--      Doing it again changes nothing.
--
-- Parameters:
--      i_job_id    - id of the job
--      i_tick      - the tick
--      i_position  - leaf: where its consumer has been registered on the provider's queue
--
-- Returns:
--      nothing
--
-- Tables directly manipulated:
--      update - tailrace.job, pgq_node.local_state
-- ----------------------------------------------------------------------
declare
    v_job tailrace.job;
begin
    -- in the order in which runners lock: first the position, then the job
    perform 1
    from pgq_node.local_state as s
    join tailrace.job as j on j.queue_name = s.queue_name and j.consumer_name = s.consumer_name
    where j.job_id = i_job_id
    for no key update of s;
    update tailrace.job as j set start_tick = i_tick
    where j.job_id = i_job_id and j.start_tick is null
    returning j.* into v_job;
    if found and i_position is not null then
        update pgq_node.local_state as s set last_tick_id = i_position
        where s.queue_name = v_job.queue_name and s.consumer_name = v_job.consumer_name;
    end if;
    perform pg_catalog.pg_notify('tailrace_tick', v_job.queue_name);
end;
$body$;

comment on function tailrace.begin_sql_job(text, bigint, bigint) is
    'says from which tick on the changes of tables count for a SQL job';
