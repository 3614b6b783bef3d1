-- Roles of schema pgq. They belong to the cluster, not to the database, so they may be there
-- already, another install may be making them at this moment, and the installing user may lack
-- the right to make them: then the schema works for its owner, and grants.sql skips the role.

do $$
declare
    v_role text;
begin
    foreach v_role in array array['pgq_reader', 'pgq_writer', 'pgq_admin'] loop
        continue when exists (select 1 from pg_catalog.pg_roles where rolname = v_role);
        begin
            execute pg_catalog.format('create role %I', v_role);
        exception
            when duplicate_object or unique_violation then
                null;
            when insufficient_privilege then
                raise notice 'role "%" is missing, "%" may not create it: its grants are skipped',
                    v_role, current_user;
        end;
    end loop;

    if exists (select 1 from pg_catalog.pg_roles where rolname = 'pgq_admin')
       and not (pg_catalog.pg_has_role('pgq_admin', 'pgq_reader', 'member')
                and pg_catalog.pg_has_role('pgq_admin', 'pgq_writer', 'member')) then
        begin
            grant pgq_reader, pgq_writer to pgq_admin;
        exception
            when unique_violation then
                null;
            when insufficient_privilege or undefined_object then
                raise notice 'role "pgq_admin" is not a member of "pgq_reader" and "pgq_writer"';
        end;
    end if;
end;
$$;
