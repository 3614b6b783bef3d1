create or replace function tailrace.build_capture(i_capture_id integer)
returns void
language plpgsql
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.build_capture(1)
--
--      Makes the capture function of a table for the shape that it has now.
--      On the root the descriptor is sent and stored first, so that the
--      function may rely on it. Takes no lock on the table: a writer that
--      still runs the old function notices the other shape by itself.
--
-- Parameters:
--      i_capture_id    tailrace.table_info.capture_id
-- Tables changed:
--      tailrace.table_info, tailrace.relation; function in tailrace_capture
-- ----------------------------------------------------------------------
declare
    v_info     tailrace.table_info;
    v_relation record;
begin
    select * into strict v_info from tailrace.table_info i where i.capture_id = i_capture_id;
    select * into v_relation from tailrace.describe_table(tailrace.table_oid(v_info.dest_table), v_info.table_name, v_info.old_images);
    if pgq_node.is_root_node(v_info.queue_name) then
        perform tailrace.send_relation(i_capture_id);
        perform tailrace.store_relation(tailrace.relation_json(
            v_relation.relation_id, v_relation.table_name, v_relation.column_names,
            v_relation.column_types, v_relation.key_columns, v_relation.old_images));
    end if;
    execute tailrace.capture_function(i_capture_id);
    update tailrace.table_info i
       set shape = v_relation.shape,
           relation_id = (select r.relation_id from tailrace.relation r where r.relation_id = v_relation.relation_id)
     where i.capture_id = i_capture_id;
end
$$;
