-- pgq.maint_operations()
--
-- Purpose: list what maintenance has to do now. The caller runs each row in a transaction of its
--     own, in this order, and a function that returns anything but 0 at once again; "vacuum" is a
--     statement and not a function.
-- Returns: rows of function and argument (NULL: the function has none).
-- Calls: pgq.maint_tables_to_vacuum.

create or replace function pgq.maint_operations(out func_name text, out func_arg text)
returns setof record
language plpgsql
as $$
#variable_conflict use_column
declare
    v_rotated boolean;
begin
    func_name := 'pgq.maint_rotate_tables_step1';
    for func_arg in
        select q.queue_name from pgq.queue q
        where q.queue_switch_step2 is not null
            and q.queue_switch_time + q.queue_rotation_period < pg_catalog.now()
        order by q.queue_name
    loop
        v_rotated := true;
        return next;
    end loop;
    if v_rotated or exists (select 1 from pgq.queue where queue_switch_step2 is null) then
        func_name := 'pgq.maint_rotate_tables_step2';
        func_arg := null;
        return next;
    end if;

    return query
        select e.extra_name, q.queue_name
        from pgq.queue q
            cross join lateral pg_catalog.unnest(q.queue_extra_maint)
                with ordinality as e (extra_name, place)
        order by q.queue_name, e.place;
    return query
        select 'vacuum'::text, t.name from pgq.maint_tables_to_vacuum() as t (name);

    -- The other schemas may be missing, and with them the tables that these queries name.
    if pg_catalog.to_regprocedure('pgq_node.maint_watermark(text)') is not null then
        return query
            select 'pgq_node.maint_watermark'::text, n.queue_name
            from pgq_node.node_info n where n.node_type = 'root' order by n.queue_name;
        if pg_catalog.to_regprocedure('londiste.root_check_seqs(text)') is not null then
            return query
                select distinct 'londiste.root_check_seqs'::text, n.queue_name
                from pgq_node.node_info n join londiste.seq_info s on s.queue_name = n.queue_name
                where n.node_type = 'root' and s.local order by 2;
        end if;
    end if;
    if pg_catalog.to_regprocedure('londiste.periodic_maintenance()') is not null then
        return query select 'londiste.periodic_maintenance'::text, null::text;
    end if;
end;
$$;
