create or replace function tailrace.drain_to(
    i_job_id text,
    i_tick   bigint
) returns void
language sql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.drain_to(2)
--
--      Tell a job that drains up to which tick. Whoever can reach the root asks there for
--      tailrace.covering_tick() after the drain was asked for.
--
-- Parameters:
--      i_job_id  - id of the job
--      i_tick    - tick; NULL: give the drain up, the job goes on
--
-- Returns:
--      nothing
--
-- Tables directly manipulated:
--      update - tailrace.job
-- ----------------------------------------------------------------------
    update tailrace.job as j
    set drain_tick = i_tick,
        drain_since = case when i_tick is not null then j.drain_since end,
        drain_after = case when i_tick is not null then j.drain_after end
    where j.job_id = i_job_id and j.drain_since is not null;
$body$;

comment on function tailrace.drain_to(text, bigint) is 'tells a job that drains up to which tick';
