create or replace function tailrace.guard_job_owner() returns trigger
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.guard_job_owner(0)
--
--      A SQL job's statements run with the rights of its owner, so nobody writes down another one
--      than a role whose rights he has himself, nor changes the statements of somebody else.
--
-- Returns:
--      the row; raises TR009
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    if new.owner is not null and not pg_catalog.pg_has_role(current_user, new.owner, 'member') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('role "%s" cannot give job "%s" to role "%s"',
                current_user, new.job_name, new.owner),
            hint = 'create it as that role';
    end if;
    if tg_op = 'UPDATE' and old.owner is not null and not pg_catalog.pg_has_role(current_user, old.owner, 'member') then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" belongs to role "%s"', old.job_name, old.owner);
    end if;
    return new;
end;
$body$;

comment on function tailrace.guard_job_owner() is 'keeps statements and owner of a SQL job together';

create or replace trigger guard_job_owner
    before insert or update of owner, statement, schemas, program on tailrace.job
    for each row execute function tailrace.guard_job_owner();
