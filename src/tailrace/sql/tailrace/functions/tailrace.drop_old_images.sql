create or replace function tailrace.drop_old_images(i_queue_name text, i_table_name text)
returns text
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.drop_old_images(2)
--
--      From now on updates, deletes and TRUNCATE of a table do not write the
--      rows as they were any more: for a person who knows that no SQL job on
--      any node needs them. Nothing can go wrong silently: a job that does
--      need them ends with an error at the new descriptor, and a savepoint of
--      one cannot be gone on from beyond it.
--
-- Parameters:
--      i_queue_name    queue of which this node is the root
--      i_table_name    global name of a table in it
-- Returns:
--      id of the table's descriptor
-- Calls:
--      tailrace.build_capture(1)
-- Raises:
--      TR004 no such queue or table here; TR009 a job of this database reads
--      its changes, or no right to
-- Tables changed:
--      tailrace.table_info, tailrace.relation; the capture function
-- ----------------------------------------------------------------------
declare
    v_info tailrace.table_info;
    v_job  text;
begin
    select i.* into v_info from tailrace.table_info i
      join pgq_node.node_info n on n.queue_name = i.queue_name and n.node_type = 'root'
     where i.queue_name = i_queue_name and i.table_name = i_table_name;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('table "%s" is not in queue "%s", or database "%s" is not its root',
                i_table_name, i_queue_name, pg_catalog.current_database()),
            hint = 'tailrace status shows which node is the root, tailrace tables which tables it has';
    end if;
    select j.job_name into v_job from tailrace.job_relation r
      join tailrace.job j on j.job_id = r.job_id
     where r.is_changes and r.queue_name = i_queue_name and r.table_name = i_table_name
     order by j.job_name
     limit 1;
    if found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" reads the changes of table "%s"', v_job, i_table_name),
            hint = pg_catalog.format('drop it first: select tailrace.drop_job(%L)', v_job);
    end if;
    if v_info.old_images then
        begin
            execute pg_catalog.format('lock table %s in share row exclusive mode',
                                      tailrace.table_oid(v_info.dest_table));
            update tailrace.table_info i set old_images = false where i.capture_id = v_info.capture_id;
            perform tailrace.build_capture(v_info.capture_id);
        exception when insufficient_privilege then
            raise exception using errcode = 'TR009',
                message = pg_catalog.format('role "%s" may not change what is captured of table "%s" in database "%s": %s',
                    current_user, i_table_name, pg_catalog.current_database(), sqlerrm),
                hint = 'it needs role pgq_admin and the right to update the table';
        end;
    end if;
    return (select i.relation_id from tailrace.table_info i where i.capture_id = v_info.capture_id);
end
$$;

comment on function tailrace.drop_old_images(text, text) is
    'from now on changes of a table do not write the rows as they were any more';
