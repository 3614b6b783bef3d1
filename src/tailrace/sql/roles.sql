-- The three roles of PgQ. They belong to the whole cluster, so another database may hold them
-- already or be creating them at this very moment, and the installing role may not be allowed to:
-- each step is tried by itself and a failure leaves a notice, not an error.
do $roles$
declare
    v_step text;
begin
    if not exists (select 1 from pg_catalog.pg_roles where rolname = 'pgq_reader') then
        begin
            create role pgq_reader;
        exception when duplicate_object or unique_violation or insufficient_privilege then
            raise notice 'role "pgq_reader" was not created: %', sqlerrm;
        end;
    end if;
    if not exists (select 1 from pg_catalog.pg_roles where rolname = 'pgq_writer') then
        begin
            create role pgq_writer;
        exception when duplicate_object or unique_violation or insufficient_privilege then
            raise notice 'role "pgq_writer" was not created: %', sqlerrm;
        end;
    end if;
    if not exists (select 1 from pg_catalog.pg_roles where rolname = 'pgq_admin') then
        begin
            create role pgq_admin;
        exception when duplicate_object or unique_violation or insufficient_privilege then
            raise notice 'role "pgq_admin" was not created: %', sqlerrm;
        end;
    end if;
    foreach v_step in array array['pgq_reader', 'pgq_writer'] loop
        continue when exists (
            select 1
            from pg_catalog.pg_auth_members as m
            join pg_catalog.pg_roles as admin on admin.oid = m.member
            join pg_catalog.pg_roles as granted on granted.oid = m.roleid
            where admin.rolname = 'pgq_admin' and granted.rolname = v_step
        );
        begin
            execute pg_catalog.format('grant %I to pgq_admin', v_step);
        -- internal_error is what two databases get that grant at the same moment
        exception when undefined_object or unique_violation or insufficient_privilege
                or internal_error then
            raise notice 'role "%" was not granted to "pgq_admin": %', v_step, sqlerrm;
        end;
    end loop;
end;
$roles$;
