create or replace function tailrace.request_start_job(
    i_job          text,
    from_savepoint text default null,
    claim          boolean default false
) returns table (job_id text)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.request_start_job(3)
--
--      Ask for a job that has ended, or that nobody runs, to go on where it stopped or to start from
--      a savepoint, and return at once. tailrace.start_job waits until a runner has taken it. Where
--      somebody else has just asked the same, in a transaction that goes on, it waits for the end of that.
--
-- Parameters:
--      i_job           - name, id or beginning of the id
--      from_savepoint  - path of a savepoint: rows and position of the job become those of it; NULL:
--                        it goes on where it stopped
--      claim           - the job owns the savepoint from then on
--
-- Returns:
--      job_id  - id of the job; raises TR009 when it is running, starting or still stopping
--
-- Calls:
--      tailrace.find_job, tailrace.ask_restore, pgq_node.set_consumer_paused
-- Tables directly manipulated:
--      delete - tailrace.restore
-- ----------------------------------------------------------------------
declare
    v_job    tailrace.job;
    v_status text;
begin
    v_job := tailrace.find_job(i_job);
    -- of two at once the second sees what the first has made of the job
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('start job ' || v_job.job_id, 7461));
    select v.status into v_status from tailrace.jobs as v where v.job_id = v_job.job_id;
    if v_status not in ('FAILED', 'CANCELED', 'FINISHED', 'SUSPENDED') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is %s; START needs one that has ended or is SUSPENDED',
                v_job.job_name, v_status),
            hint = case
                when v_status <> 'CREATED' then
                    pg_catalog.format('stop it first with: call tailrace.stop_job(%L)', v_job.job_name)
                when v_job.kind = 'consumer' then 'it is asked to run, and goes on when its program runs'
                else 'it is asked to run, and is taken by: tailrace run' end;
    end if;
    if from_savepoint is not null then
        perform tailrace.ask_restore(v_job, from_savepoint, coalesce(request_start_job.claim, false));
    else
        delete from tailrace.restore as r where r.job_id = v_job.job_id;
        perform pgq_node.set_consumer_paused(v_job.queue_name, v_job.consumer_name, false);
    end if;
    perform pg_catalog.pg_notify('tailrace_tick', v_job.queue_name);
    return query select v_job.job_id;
end;
$body$;

comment on function tailrace.request_start_job(text, text, boolean) is 'asks a job to go on and returns at once';
