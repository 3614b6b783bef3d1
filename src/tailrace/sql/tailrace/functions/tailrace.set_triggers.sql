create or replace function tailrace.set_triggers(i_capture_id integer, i_table regclass)
returns void
language plpgsql
set search_path = pg_catalog
set client_min_messages = warning
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.set_triggers(2)
--
--      Puts our triggers on one table: the replicated table itself or one
--      of its partitions. On a leaf they deny writes. Harmless to repeat.
--
-- Parameters:
--      i_capture_id    tailrace.table_info.capture_id
--      i_table         the table or partition
-- ----------------------------------------------------------------------
declare
    v_info    tailrace.table_info;
    v_is_root boolean;
    v_prefix  constant text := 'tailrace_' || i_capture_id;
    v_call    text;
begin
    select * into strict v_info from tailrace.table_info i where i.capture_id = i_capture_id;
    v_is_root := i_table = tailrace.table_oid(v_info.dest_table);
    perform tailrace.drop_triggers(i_capture_id, i_table);
    if pgq_node.is_leaf_node(v_info.queue_name) then
        execute format('create trigger %I before insert or update or delete or truncate on %s for each statement execute function tailrace.deny_write(%s)',
                       v_prefix || '_deny', i_table, i_capture_id);
        return;
    end if;

    v_call := format('for each statement execute function tailrace_capture.capture_%s()', i_capture_id);
    execute format('create trigger %I before insert or update or delete on %s for each statement execute function tailrace.mark_statement(%s)',
                   v_prefix || '_mark', i_table, i_capture_id);
    execute format('create trigger %I after insert on %s referencing new table as tailrace_new %s',
                   v_prefix || '_insert', i_table, v_call);
    execute format('create trigger %I after update on %s referencing old table as tailrace_old new table as tailrace_new %s',
                   v_prefix || '_update', i_table, v_call);
    execute format('create trigger %I after delete on %s referencing old table as tailrace_old %s',
                   v_prefix || '_delete', i_table, v_call);
    if v_is_root then
        execute format('create trigger %I before truncate on %s for each statement execute function tailrace.truncate_root(%s)',
                       v_prefix || '_truncating', i_table, i_capture_id);
        execute format('create trigger %I after truncate on %s for each statement execute function tailrace.truncate_root(%s)',
                       v_prefix || '_truncate', i_table, i_capture_id);
        if (select c.relkind = 'p' from pg_class c where c.oid = i_table) then
            execute format('create trigger %I after insert or update or delete on %s for each row execute function tailrace.capture_row(%s)',
                           v_prefix || '_row', i_table, i_capture_id);
        end if;
    else
        execute format('create trigger %I before truncate on %s for each statement execute function tailrace.truncate_part(%s)',
                       v_prefix || '_truncating', i_table, i_capture_id);
        if exists (select from pg_trigger t where t.tgrelid = i_table and t.tgname = v_prefix || '_row') then
            execute format('alter table %s disable trigger %I', i_table, v_prefix || '_row');
        end if;
    end if;
end
$$;
