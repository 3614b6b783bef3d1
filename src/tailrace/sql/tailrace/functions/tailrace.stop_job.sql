create or replace procedure tailrace.stop_job(
    i_job          text,
    with_savepoint boolean default false,
    with_drain     boolean default false,
    timeout        interval default interval '1 minute',
    directory      text default null
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Procedure: tailrace.stop_job(5)
--
--      Stop a job and wait until it is at rest. Commits on each look, so it cannot be called inside
--      a transaction: tailrace.request_stop_job can. No SET clause and no SECURITY DEFINER, with
--      which PostgreSQL allows no COMMIT.
--
-- Parameters:
--      i_job           - name, id or beginning of the id
--      with_savepoint  - and make a savepoint of it at rest; a notice tells its path. If it cannot be
--                        written that is an error, and the job goes on. A warning names the tables
--                        that are not in it
--      with_drain      - first everything that has been committed at the root by now
--      timeout         - after so long TR009; a drain is then given up and the job goes on, a plain
--                        stop stays asked for
--      directory       - where the savepoint is made; NULL: that of setting state.savepoints.dir
--
-- Calls:
--      tailrace.refuse_transaction, tailrace.request_stop_job, tailrace.settle_job, tailrace.drain_to,
--      tailrace.savepoint_progress
-- Tables directly manipulated:
--      delete - tailrace.savepoint
-- ----------------------------------------------------------------------
declare
    v_deadline constant timestamptz := pg_catalog.clock_timestamp() + stop_job.timeout;
    v_notice   timestamptz := pg_catalog.clock_timestamp() + interval '5 seconds';
    v_id       text;
    v_waits    text;
    v_path     text;
    v_absent   text;
begin
    perform tailrace.refuse_transaction('tailrace.stop_job', 'tailrace.request_stop_job');
    select r.job_id, r.savepoint_path into v_id, v_path
    from tailrace.request_stop_job(i_job, stop_job.with_savepoint, stop_job.with_drain, stop_job.directory) as r;
    commit;
    loop
        v_waits := tailrace.settle_job(v_id);
        commit;
        exit when v_waits is null;
        if pg_catalog.clock_timestamp() >= v_deadline then
            perform tailrace.drain_to(v_id, null);
            if stop_job.with_drain then
                delete from tailrace.savepoint as s where s.path = v_path and s.state = 'requested';
            end if;
            commit;
            raise exception using errcode = 'TR009',
                message = pg_catalog.format('job "%s" has not stopped within %s; it waits for %s',
                    i_job, stop_job.timeout, v_waits),
                hint = case when stop_job.with_drain then 'the drain was given up, the job goes on'
                    else 'it stays asked to stop' end;
        end if;
        if pg_catalog.clock_timestamp() >= v_notice then
            raise notice 'waiting for %', v_waits;
            v_notice := pg_catalog.clock_timestamp() + interval '1 minute';
        end if;
        perform pg_catalog.pg_sleep(0.05);
    end loop;
    if v_path is not null then
        perform tailrace.savepoint_progress(v_path);
        raise notice 'savepoint: %', v_path;
        select pg_catalog.array_to_string(s.absent_tables, ', ') into v_absent
        from tailrace.savepoint as s where s.path = v_path;
        if v_absent <> '' then
            raise warning 'not in it, as they were in their initial copy: %', v_absent;
        end if;
    end if;
end;
$body$;

comment on procedure tailrace.stop_job(text, boolean, boolean, interval, text) is
    'stops a job and waits until it is at rest';
