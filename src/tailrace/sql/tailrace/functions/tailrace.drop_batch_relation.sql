create or replace function tailrace.drop_batch_relation(
    i_number integer
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.drop_batch_relation(1)
--
--      Remove what tailrace.batch_relation has made in this session.
--
-- Parameters:
--      i_number  - number of the table in its job
--
-- Returns:
--      nothing
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    if pg_catalog.to_regclass('pg_temp.tailrace_changes_' || i_number) is null then
        return;
    end if;
    execute pg_catalog.format('drop view pg_temp.tailrace_changes_%1$s;'
        ' drop table if exists pg_temp.tailrace_added_%1$s, pg_temp.tailrace_removed_%1$s, pg_temp.tailrace_changed_%1$s',
        i_number);
end;
$body$;

comment on function tailrace.drop_batch_relation(integer) is 'removes what changes.<table> means in this session';
