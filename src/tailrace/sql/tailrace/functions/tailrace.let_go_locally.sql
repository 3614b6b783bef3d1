create or replace function tailrace.let_go_locally() returns integer
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.let_go_locally(0)
--
--      Capture no longer into the local queue what no job reads from there any more.
--
-- Returns:
--      number of tables
--
-- Calls:
--      tailrace.remove_table
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_table text;
    v_count integer := 0;
begin
    if not exists (select 1 from tailrace.table_info as i where i.queue_name = 'tailrace.local') then
        return 0;
    end if;
    -- as in tailrace.ensure_local: somebody may be creating a job that reads one of them
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('queue tailrace.local', 7461));
    for v_table in
        select i.table_name
        from tailrace.table_info as i
        where i.queue_name = 'tailrace.local' and not exists (
            select 1 from tailrace.job_relation as r
            where r.queue_name = i.queue_name and r.table_name = i.table_name)
        order by i.table_name
    loop
        perform tailrace.remove_table('tailrace.local', v_table);
        v_count := v_count + 1;
    end loop;
    return v_count;
end;
$body$;

comment on function tailrace.let_go_locally() is 'ends the local capture of tables that no job reads any more';
