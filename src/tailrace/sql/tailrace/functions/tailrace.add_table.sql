create or replace function tailrace.add_table(
    i_queue_name text,
    i_table_name text,
    i_dest_table text default null,
    out ret_code integer,
    out ret_note text
)
language plpgsql
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.add_table(3)
--
--      Makes a table part of a queue on this node. On the root capture
--      begins with the commit. Elsewhere the table waits for its copy; but
--      to a leaf on a combined branch all rows come through that queue.
--
-- Parameters:
--      i_queue_name    cascaded queue with a node here
--      i_table_name    global name; without a dot it is in schema public
--      i_dest_table    local name where it differs; default: the same
-- Returns:
--      200 added, 201 it was there already, 410 it is there already with another i_dest_table
-- Raises:
--      TR004 no node of that queue here, or no such table
--      TR040 the table cannot be replicated (tailrace.check_table)
--      TR009 a SQL job writes into it, or it belongs to another queue here that is not merged with this one
-- Calls:
--      pgq.insert_event(7), tailrace.refuse_written(2), tailrace.build_capture(1), tailrace.set_triggers(2)
-- Tables changed:
--      tailrace.table_info; triggers on the table and its partitions
-- ----------------------------------------------------------------------
declare
    v_name  constant text := case when strpos(i_table_name, '.') > 0 then i_table_name else 'public.' || i_table_name end;
    v_dest  constant text := case when i_dest_table is null then v_name
                                  when strpos(i_dest_table, '.') > 0 then i_dest_table
                                  else 'public.' || i_dest_table end;
    v_type  text;
    v_into  text;
    v_table regclass;
    v_id    integer;
    v_known text;
begin
    select n.node_type, c.node_type into v_type, v_into
      from pgq_node.node_info n
      left join pgq_node.node_info c on c.queue_name = n.combined_queue
     where n.queue_name = i_queue_name;
    if not found then
        raise exception 'queue "%" has no node in database "%"', i_queue_name, current_database()
              using errcode = 'TR004', hint = 'create one with: tailrace create-root, create-branch or create-leaf';
    end if;
    select i.dest_table into v_known
      from tailrace.table_info i where i.queue_name = i_queue_name and i.table_name = v_name;
    if found then
        if i_dest_table is not null and v_dest <> v_known then
            ret_code := 410;
            ret_note := format('table "%s" is already in queue "%s", as "%s" and not as "%s" here',
                               v_name, i_queue_name, v_known, v_dest);
            return;
        end if;
        ret_code := 201;
        ret_note := format('table "%s" is already in queue "%s"', v_name, i_queue_name);
        return;
    end if;
    v_table := tailrace.check_table(v_dest);
    perform tailrace.refuse_written(i_queue_name, v_dest);
    perform tailrace.refuse_two_queues(i_queue_name, v_dest);
    -- Writers end first, and begin again with the triggers in place.
    execute format('lock table %s in share row exclusive mode', v_table);

    insert into tailrace.table_info (queue_name, table_name, dest_table, state, live_at, old_images)
    values (i_queue_name, v_name, v_dest,
            case when v_type = 'root' or v_into = 'branch' then 'live' else 'pending' end,
            case when v_type = 'root' or v_into = 'branch' then now() end,
            -- once wanted, always wanted: also where another node becomes the root
            exists (select from tailrace.relation r where r.table_name = v_name and r.old_images))
    returning capture_id into v_id;
    if v_type <> 'leaf' then
        perform tailrace.build_capture(v_id);
    end if;
    if v_type = 'root' then
        perform pgq.insert_event(i_queue_name, 'tailrace.add-table', json_build_object('table', v_name)::text,
                                 v_name, null, null, null);
    end if;
    perform tailrace.set_triggers(v_id, m) from tailrace.member_tables(v_table) m;
    ret_code := 200;
    ret_note := format('table "%s" added to queue "%s"', v_name, i_queue_name);
end
$$;
