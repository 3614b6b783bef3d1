create or replace procedure tailrace.start_job(
    i_job          text,
    from_savepoint text default null,
    claim          boolean default false,
    timeout        interval default interval '1 minute'
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Procedure: tailrace.start_job(4)
--
--      Let a job that has ended, or that nobody runs, go on where it stopped, or start from a
--      savepoint, and wait until a runner has taken it. Commits on each look; tailrace.request_start_job is the form for use
--      inside a transaction.
--
-- Parameters:
--      i_job           - name, id or beginning of the id
--      from_savepoint  - path of a savepoint; NULL: it goes on where it stopped
--      claim           - the job owns the savepoint from then on
--      timeout         - after so long TR009; the job stays asked to run
--
-- Calls:
--      tailrace.refuse_transaction, tailrace.request_start_job
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_deadline constant timestamptz := pg_catalog.clock_timestamp() + start_job.timeout;
    v_id       text;
    v_status   text;
begin
    perform tailrace.refuse_transaction('tailrace.start_job', 'tailrace.request_start_job');
    select r.job_id into v_id
    from tailrace.request_start_job(i_job, start_job.from_savepoint, start_job.claim) as r;
    commit;
    loop
        v_status := tailrace.start_progress(v_id);
        commit;
        exit when v_status is null;
        if pg_catalog.clock_timestamp() >= v_deadline then
            raise exception using errcode = 'TR009',
                message = pg_catalog.format('job "%s" is still %s after %s', i_job, v_status, start_job.timeout),
                hint = case (select j.kind from tailrace.job as j where j.job_id = v_id)
                    when 'consumer' then 'it stays asked to run, and goes on when its program runs'
                    else 'it stays asked to run, and is taken by: tailrace run' end;
        end if;
        perform pg_catalog.pg_sleep(0.05);
    end loop;
end;
$body$;

comment on procedure tailrace.start_job(text, text, boolean, interval) is
    'lets a job go on and waits until a runner has taken it';
