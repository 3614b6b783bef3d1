create or replace function tailrace.job_status(
    i_paused  boolean,
    i_told    boolean,
    i_wanted  text,
    i_failing boolean,
    i_begun   boolean,
    i_alive   boolean
) returns text
language sql immutable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.job_status(6)
--
--      The status of a job of a node, in the words of statements.md 1, from what is stored of it.
--      Which status may follow which is in jobs/model.py and drawn in docs/design/jobs.md.
--
-- Parameters:
--      i_paused   - it is asked to pause
--      i_told     - its runner knows of that, or of its contrary
--      i_wanted   - tailrace.job.wanted
--      i_failing  - an error is on record, and none of its batches has succeeded since
--      i_begun    - a runner has taken it once
--      i_alive    - the one that took it last is alive
--
-- Returns:
--      the status
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select case
        when i_wanted = 'failed' and not (i_paused and i_told) then 'FAILING'
        when i_wanted = 'failed' then 'FAILED'
        when i_paused and not i_told then 'CANCELLING'
        when i_paused and i_wanted = 'finished' then 'FINISHED'
        when i_paused then 'CANCELED'
        when i_wanted <> 'running' then 'CANCELLING'
        when not i_begun then 'CREATED'
        when i_alive is not true then 'SUSPENDED'
        when i_failing or not i_told then 'RESTARTING'
        else 'RUNNING'
    end;
$body$;

comment on function tailrace.job_status(boolean, boolean, text, boolean, boolean, boolean) is
    'status of a job of a node, from what is stored of it';
