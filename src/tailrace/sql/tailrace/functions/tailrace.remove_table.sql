create or replace function tailrace.remove_table(
    i_queue_name text,
    i_table_name text,
    out ret_code integer,
    out ret_note text
)
language plpgsql
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.remove_table(2)
--
--      Ends the replication of a table on this node; its rows stay. On the
--      root an event ends it on every other node, too.
--
-- Parameters:
--      i_queue_name    cascaded queue with a node here
--      i_table_name    global name
-- Returns:
--      200 removed; 404 it was not there
-- Tables changed:
--      tailrace.table_info, tailrace.set_aside, pgq.subscription (the pin of
--      an unfinished copy); triggers and the capture function
-- ----------------------------------------------------------------------
declare
    v_name constant text := case when strpos(i_table_name, '.') > 0 then i_table_name else 'public.' || i_table_name end;
    v_info tailrace.table_info;
begin
    delete from tailrace.table_info i
     where i.queue_name = i_queue_name and i.table_name = v_name
    returning * into v_info;
    if not found then
        ret_code := 404;
        ret_note := format('table "%s" is not in queue "%s" on this node', v_name, i_queue_name);
        return;
    end if;
    perform tailrace.drop_triggers(v_info.capture_id, t.tgrelid)
       from (select distinct t.tgrelid::regclass as tgrelid from pg_trigger t
              where t.tgname ~ format('^tailrace_%s_[a-z]+$', v_info.capture_id) and t.tgparentid = 0) t;
    execute format('drop function if exists tailrace_capture.capture_%s()', v_info.capture_id);
    delete from tailrace.set_aside a where a.queue_name = i_queue_name and a.table_name = v_name;
    if not pgq_node.is_leaf_node(i_queue_name) then
        perform pgq.unregister_consumer(i_queue_name, '.copy.' || v_name);
    end if;
    if pgq_node.is_root_node(i_queue_name) then
        perform pgq.insert_event(i_queue_name, 'tailrace.remove-table', json_build_object('table', v_name)::text,
                                 v_name, null, null, null);
    end if;
    ret_code := 200;
    ret_note := format('table "%s" removed from queue "%s"', v_name, i_queue_name);
end
$$;
