create or replace procedure tailrace.drop_savepoints(
    i_job      text default null,
    older_than interval default null,
    keep_last  integer default null,
    timeout    interval default interval '1 minute',
    inout savepoint_paths text[] default null
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Procedure: tailrace.drop_savepoints(5)
--
--      Remove the savepoints that fit all conditions, and wait until nothing of them is left. Commits
--      on each look; tailrace.request_drop_savepoints is the form for use inside a transaction.
--
-- Parameters:
--      i_job, older_than, keep_last - see tailrace.request_drop_savepoints
--      timeout          - after so long TR009; a runner goes on with it
--      savepoint_paths  - is set to their paths, newest first
--
-- Calls:
--      tailrace.refuse_transaction, tailrace.request_drop_savepoints
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_deadline constant timestamptz := pg_catalog.clock_timestamp() + drop_savepoints.timeout;
    v_ids      text[];
    v_paths    text[];
    v_left     bigint;
    v_path     text;
    v_error    text;
begin
    perform tailrace.refuse_transaction('tailrace.drop_savepoints', 'tailrace.request_drop_savepoints');
    select coalesce(pg_catalog.array_agg(r.savepoint_id), '{}'), coalesce(pg_catalog.array_agg(r.savepoint_path), '{}')
    into v_ids, v_paths
    from tailrace.request_drop_savepoints(i_job, drop_savepoints.older_than, drop_savepoints.keep_last) as r;
    commit;
    loop
        select pg_catalog.count(*) over (), s.path, coalesce(s.error, 'no runner has taken it yet')
        into v_left, v_path, v_error
        from tailrace.savepoint as s
        where s.savepoint_id = any (v_ids)
        order by s.error, s.path
        limit 1;
        exit when not found;
        commit;
        if pg_catalog.clock_timestamp() >= v_deadline then
            raise exception using errcode = 'TR009',
                message = pg_catalog.format('%s of %s savepoints are not gone within %s, among them "%s": %s',
                    v_left, pg_catalog.cardinality(v_ids), drop_savepoints.timeout, v_path, v_error),
                hint = 'they stay asked for, and are finished by: tailrace run';
        end if;
        perform pg_catalog.pg_sleep(0.05);
    end loop;
    savepoint_paths := v_paths;
end;
$body$;

comment on procedure tailrace.drop_savepoints(text, interval, integer, interval, text[]) is
    'removes all savepoints that fit the conditions and waits until they are gone';
