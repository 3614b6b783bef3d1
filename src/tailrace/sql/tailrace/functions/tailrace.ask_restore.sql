create or replace function tailrace.ask_restore(
    i_job   tailrace.job,
    i_path  text,
    i_claim boolean
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.ask_restore(3)
--
--      Write down that a job is to start from a savepoint. The job stands still until that is done;
--      whoever sits in its seat does it, a runner, or who waits where there is none. A path that
--      is not known here may be a savepoint all the same: the files say.
--
-- Parameters:
--      i_job    - job that has ended or that nobody runs
--      i_path   - path of the savepoint
--      i_claim  - the job is to own the savepoint
--
-- Returns:
--      nothing; raises TR001 without path, TR009 when the job is being started from one already, or
--      the savepoint is being dropped or owned by another job
--
-- Calls:
--      tailrace.check_savepoint, pgq_node.set_consumer_paused
-- Tables directly manipulated:
--      insert, update - tailrace.restore
-- ----------------------------------------------------------------------
declare
    v_path  constant text := pg_catalog.rtrim(pg_catalog.regexp_replace(i_path, '^file://(localhost)?', ''), '/');
    v_one   tailrace.savepoint;
    v_owner text;
begin
    if v_path = '' then
        raise exception using errcode = 'TR001', message = 'no savepoint was named',
            hint = 'give its path; list them with: select * from tailrace.savepoints';
    end if;
    perform tailrace.check_savepoint(i_job, true);
    select s.* into v_one from tailrace.savepoint as s where s.path = v_path for share;
    if found and v_one.state not in ('completed', 'claimed') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('savepoint "%s" is %s', v_path,
                case v_one.state when 'dropping' then 'being dropped' when 'failed' then 'not there: it could not be written'
                    else 'not complete yet' end),
            hint = 'list those that can be used with: SHOW SAVEPOINTS';
    end if;
    select j.job_name into v_owner
    from tailrace.job as j
    where v_one.state = 'claimed' and j.job_id = v_one.claimed_by and j.job_id <> i_job.job_id;
    if found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('savepoint "%s" is owned by job "%s", which may drop it at any time', v_path, v_owner),
            hint = 'make another one to start from';
    end if;

    insert into tailrace.restore as r (job_id, path, claim)
    values (i_job.job_id, v_path, i_claim)
    on conflict (job_id) do update
    set path = excluded.path, claim = excluded.claim, state = 'requested', tick_id = null, error = null,
        requested_at = pg_catalog.now()
    where r.state = 'failed';
    if not found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is just being started from a savepoint', i_job.job_name),
            hint = 'wait until it runs, or stop it';
    end if;
    -- one that nobody runs is not at rest; nobody must begin a batch meanwhile
    perform pgq_node.set_consumer_paused(i_job.queue_name, i_job.consumer_name, true);
    perform pg_catalog.pg_notify('tailrace_tick', '.savepoints');
end;
$body$;

comment on function tailrace.ask_restore(tailrace.job, text, boolean) is
    'writes down that a job is to start from a savepoint';
