-- pgq.grant_perms(queue)
--
-- Purpose: give the tables of a queue the grants that pgq.event_template has now. Roles that may
--     insert into the tables may also draw event ids; everybody may look at the sequences.
-- Parameters: i_queue_name  name of the queue
-- Returns: 1.
-- NULL: raises TR004, as for an unknown queue.
-- Calls: pgq.require_queue.
-- Tables changed: none (grants on the event tables and sequences of the queue).

create or replace function pgq.grant_perms(i_queue_name text)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue pgq.queue := pgq.require_queue(i_queue_name);
    v_grant record;
    v_index int4;
begin
    for v_grant in
        select a.privilege_type as privilege,
            case a.grantee when 0 then 'public' else quote_ident(r.rolname) end as grantee,
            case when a.is_grantable then ' with grant option' else '' end as suffix
        from pg_class c
            cross join lateral aclexplode(c.relacl) a
            left join pg_roles r on r.oid = a.grantee
        where c.oid = 'pgq.event_template'::regclass
            and a.grantee <> c.relowner
    loop
        execute format('grant %s on %s to %s%s', v_grant.privilege,
            v_queue.queue_data_pfx, v_grant.grantee, v_grant.suffix);
        for v_index in 0 .. v_queue.queue_ntables - 1 loop
            execute format('grant %s on %s to %s%s', v_grant.privilege,
                v_queue.queue_data_pfx || '_' || v_index, v_grant.grantee, v_grant.suffix);
        end loop;
        if v_grant.privilege = 'INSERT' then
            execute format('grant usage on sequence %s to %s',
                v_queue.queue_event_seq, v_grant.grantee);
        end if;
    end loop;

    execute format('grant select on sequence %s, %s to public',
        v_queue.queue_event_seq, v_queue.queue_tick_seq);
    return 1;
end;
$$;
