create or replace procedure tailrace.create_savepoint(
    i_job     text,
    directory text default null,
    timeout   interval default interval '10 minutes',
    inout savepoint_path text default null
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Procedure: tailrace.create_savepoint(4)
--
--      Make a savepoint of a job, running or at rest, and wait until it is complete. Commits on each
--      look; tailrace.request_savepoint is the form for use inside a transaction. A warning names the
--      tables that are not in it.
--
-- Parameters:
--      i_job           - name, id or beginning of the id
--      directory       - path or URL; NULL: that of setting state.savepoints.dir
--      timeout         - after so long TR009; it stays asked for
--      savepoint_path  - is set to its path
--
-- Calls:
--      tailrace.refuse_transaction, tailrace.request_savepoint, tailrace.savepoint_progress
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_deadline constant timestamptz := pg_catalog.clock_timestamp() + create_savepoint.timeout;
    v_notice   timestamptz := pg_catalog.clock_timestamp() + interval '5 seconds';
    v_path     text;
    v_waits    text;
    v_absent   text;
begin
    perform tailrace.refuse_transaction('tailrace.create_savepoint', 'tailrace.request_savepoint');
    select r.savepoint_path into v_path
    from tailrace.request_savepoint(i_job, create_savepoint.directory) as r;
    commit;
    loop
        v_waits := tailrace.savepoint_progress(v_path);
        commit;
        exit when v_waits is null;
        if pg_catalog.clock_timestamp() >= v_deadline then
            raise exception using errcode = 'TR009',
                message = pg_catalog.format('savepoint "%s" is not complete within %s; it waits for %s',
                    v_path, create_savepoint.timeout, v_waits),
                hint = 'it stays asked for; see: select * from tailrace.savepoint';
        end if;
        if pg_catalog.clock_timestamp() >= v_notice then
            raise notice 'waiting for %', v_waits;
            v_notice := pg_catalog.clock_timestamp() + interval '10 seconds';
        end if;
        perform pg_catalog.pg_sleep(0.05);
    end loop;
    select pg_catalog.array_to_string(s.absent_tables, ', ') into v_absent
    from tailrace.savepoint as s where s.path = v_path;
    if v_absent <> '' then
        raise warning 'not in it, as they were in their initial copy: %', v_absent;
    end if;
    savepoint_path := v_path;
end;
$body$;

comment on procedure tailrace.create_savepoint(text, text, interval, text) is
    'makes a savepoint of a job and waits until it is complete';
