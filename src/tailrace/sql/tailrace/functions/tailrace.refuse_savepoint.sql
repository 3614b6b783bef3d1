create or replace function tailrace.refuse_savepoint(
    with_savepoint boolean
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.refuse_savepoint(1)
--
--      Says that savepoints are not in this version, before anything has been done.
--
-- Parameters:
--      with_savepoint  - somebody wants one
--
-- Returns:
--      nothing; raises TR040
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    if with_savepoint then
        raise exception using errcode = 'TR040', message = 'this version does not make savepoints yet',
            hint = 'stop the job without one; it goes on where it stopped';
    end if;
end;
$body$;

comment on function tailrace.refuse_savepoint(boolean) is 'says that savepoints are not in this version';
