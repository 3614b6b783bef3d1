create or replace procedure tailrace.drop_savepoint(
    i_path  text,
    timeout interval default interval '1 minute'
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Procedure: tailrace.drop_savepoint(2)
--
--      Remove a savepoint and wait until nothing of it is left. Commits on each look;
--      tailrace.request_drop_savepoint is the form for use inside a transaction.
--
-- Parameters:
--      i_path   - its path
--      timeout  - after so long TR009; a runner goes on with it
--
-- Calls:
--      tailrace.refuse_transaction, tailrace.request_drop_savepoint
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_deadline constant timestamptz := pg_catalog.clock_timestamp() + drop_savepoint.timeout;
    v_id       text;
    v_error    text;
begin
    perform tailrace.refuse_transaction('tailrace.drop_savepoint', 'tailrace.request_drop_savepoint');
    select r.savepoint_id into v_id from tailrace.request_drop_savepoint(i_path) as r;
    commit;
    loop
        select coalesce(s.error, 'no runner has taken it yet') into v_error
        from tailrace.savepoint as s
        where s.savepoint_id = v_id;
        exit when not found;
        commit;
        if pg_catalog.clock_timestamp() >= v_deadline then
            raise exception using errcode = 'TR009',
                message = pg_catalog.format('savepoint "%s" is not gone within %s: %s',
                    i_path, drop_savepoint.timeout, v_error),
                hint = 'it stays asked for, and is finished by: tailrace run';
        end if;
        perform pg_catalog.pg_sleep(0.05);
    end loop;
end;
$body$;

comment on procedure tailrace.drop_savepoint(text, interval) is 'removes a savepoint and waits until it is gone';
