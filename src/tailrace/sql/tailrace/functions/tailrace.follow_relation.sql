create or replace function tailrace.follow_relation(i_queue_name text, i_json text)
returns text
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.follow_relation(2)
--
--      Keep a descriptor that has come to a branch. Where it says that old
--      images are written, this node's capture will write them, too, from
--      the moment on in which it becomes the root.
--
-- Parameters:
--      i_queue_name    queue that it came through
--      i_json          payload of the event (see tailrace.relation_json)
-- Returns:
--      the descriptor's id
-- Calls:
--      tailrace.store_relation(1), tailrace.build_capture(1)
-- Tables changed:
--      tailrace.table_info
-- ----------------------------------------------------------------------
declare
    v_id integer;
begin
    if (i_json::jsonb ->> 'old_images')::boolean then
        update tailrace.table_info i
           set old_images = true
         where i.queue_name = i_queue_name and i.table_name = i_json::jsonb ->> 'table' and not i.old_images
               and tailrace.table_oid(i.dest_table) is not null
        returning i.capture_id into v_id;
        if found and not pgq_node.is_leaf_node(i_queue_name) then
            perform tailrace.build_capture(v_id);
        end if;
    end if;
    return tailrace.store_relation(i_json);
end
$$;
