-- Who may do what in schema tailrace. Writers of captured tables need nothing here: what the triggers
-- do, they do with the rights of their owner.

revoke all on schema tailrace, tailrace_capture from public;

-- These act with their owner's rights, and readers and writers may look into the schema.
revoke execute on function
    tailrace.promote(text, text, boolean, text, text), tailrace.reopen_root(text), tailrace.complete_ticks(text),
    tailrace.make_tick(text), tailrace.skip_ticks(text, bigint)
from public;

do $$
declare
    v_role  text;
    v_right text;
begin
    for v_role, v_right in
        select p.rolname, r.right_on
          from (values
            -- Looking
            ('pgq_reader', 'usage on schema tailrace'),
            ('pgq_reader', 'select on all tables in schema tailrace'),
            ('pgq_writer', 'usage on schema tailrace'),
            ('pgq_writer', 'select on all tables in schema tailrace'),

            -- Running workers, adding tables; who adds a table must own it as well
            ('pgq_admin', 'usage on schema tailrace'),
            ('pgq_admin', 'usage, create on schema tailrace_capture'),
            ('pgq_admin', 'select, insert, update, delete on all tables in schema tailrace'),
            ('pgq_admin', 'execute on all functions in schema tailrace'),
            ('pgq_admin', 'execute on all procedures in schema tailrace')
          ) as r (role_name, right_on)
          join pg_catalog.pg_roles p on p.rolname = r.role_name
    loop
        execute pg_catalog.format('grant %s to %I', v_right, v_role);
    end loop;
end
$$;

-- The definitions that a job of a Flink cluster needs may hold passwords of connectors. Its view
-- tailrace.flink_jobs shows the rest.
do $$
declare
    v_role text;
begin
    for v_role in select p.rolname from pg_catalog.pg_roles p where p.rolname in ('pgq_reader', 'pgq_writer') loop
        execute pg_catalog.format('revoke select on tailrace.flink_job from %I', v_role);
    end loop;
end
$$;
