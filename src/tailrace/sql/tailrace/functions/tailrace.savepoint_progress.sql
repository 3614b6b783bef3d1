create or replace function tailrace.savepoint_progress(
    i_path text
) returns text
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.savepoint_progress(1)
--
--      Look how far a savepoint is that was asked for.
--
-- Parameters:
--      i_path  - its path
--
-- Returns:
--      what it waits for; NULL: it is complete
--      Raises TR004 when nobody asked for it, TR009 with the reason when it could not be written.
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_one tailrace.savepoint;
begin
    select s.* into v_one from tailrace.savepoint as s where s.path = i_path;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('there is no savepoint "%s" in database "%s"',
                i_path, pg_catalog.current_database()),
            hint = 'list them with: select * from tailrace.savepoints';
    end if;
    if v_one.state = 'failed' then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('the savepoint of job "%s" could not be written: %s', v_one.job_name, v_one.error),
            hint = case when v_one.stops_job then 'the job goes on' else 'nothing has changed' end;
    end if;
    return case v_one.state
        when 'requested' then 'a runner to write the savepoint; it is taken by: tailrace run'
        when 'writing' then pg_catalog.format('the savepoint to be written: %s rows%s', v_one.done_rows,
            case when v_one.expected_rows > 0 then pg_catalog.format(' of about %s (%s %%)', v_one.expected_rows,
                least(99, v_one.done_rows * 100 / v_one.expected_rows)) else '' end)
    end;
end;
$body$;

comment on function tailrace.savepoint_progress(text) is 'how far a savepoint is that was asked for';
