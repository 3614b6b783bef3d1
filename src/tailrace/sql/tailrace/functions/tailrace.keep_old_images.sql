create or replace function tailrace.keep_old_images(i_queue_name text, i_table_name text)
returns text
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.keep_old_images(2)
--
--      From now on updates, deletes and TRUNCATE of a table also write the
--      rows as they were. Called on the root by who makes a SQL job, on
--      whatever node that is. The lock keeps writers out, so no change
--      straddles the switch: each lies before the new descriptor, or has its
--      old image. It stays on, since the root does not know who relies on it.
--
-- Parameters:
--      i_queue_name    queue of which this node is the root
--      i_table_name    global name of a table in it
-- Returns:
--      id of the table's descriptor
-- Calls:
--      tailrace.build_capture(1)
-- Raises:
--      TR004 no such queue or table; TR009 not the root, or no right to
-- Tables changed:
--      tailrace.table_info, tailrace.relation; the capture function
-- ----------------------------------------------------------------------
declare
    v_type text;
    v_info tailrace.table_info;
begin
    select n.node_type into v_type from pgq_node.node_info n where n.queue_name = i_queue_name;
    if v_type is distinct from 'root' then
        raise exception using errcode = case when v_type is null then 'TR004' else 'TR009' end,
            message = pg_catalog.format('database "%s" is not the root of queue "%s"',
                pg_catalog.current_database(), i_queue_name),
            hint = 'tailrace status shows which node is';
    end if;
    select * into v_info from tailrace.table_info i
     where i.queue_name = i_queue_name and i.table_name = i_table_name;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('table "%s" is not in queue "%s" on its root', i_table_name, i_queue_name),
            hint = pg_catalog.format('add it there with: tailrace add-table %s', i_table_name);
    end if;
    if not v_info.old_images then
        begin
            execute pg_catalog.format('lock table %s in share row exclusive mode',
                                      tailrace.table_oid(v_info.dest_table));
            update tailrace.table_info i set old_images = true where i.capture_id = v_info.capture_id;
            perform tailrace.build_capture(v_info.capture_id);
        exception when insufficient_privilege then
            raise exception using errcode = 'TR009',
                message = pg_catalog.format('role "%s" may not have old values of table "%s" captured in database "%s": %s',
                    current_user, i_table_name, pg_catalog.current_database(), sqlerrm),
                hint = 'on the root it needs role pgq_admin and the right to update the table';
        end;
    end if;
    return (select i.relation_id from tailrace.table_info i where i.capture_id = v_info.capture_id);
end
$$;

comment on function tailrace.keep_old_images(text, text) is
    'from now on changes of a table also write the rows as they were';
