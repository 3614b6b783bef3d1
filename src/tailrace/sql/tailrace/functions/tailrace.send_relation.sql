create or replace function tailrace.send_relation(i_capture_id integer)
returns text
language plpgsql
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.send_relation(1)
--
--      Puts the present descriptor of a table into its queue unless it is
--      known to be there. Called by capture after DDL, by add_table and by
--      refresh_capture. A writer does not store the descriptor: two writers
--      would wait for each other. It sends it once a transaction until
--      refresh_capture has stored it; doubles are harmless.
--
-- Parameters:
--      i_capture_id    tailrace.table_info.capture_id
-- Returns:
--      the descriptor's id
-- Calls:
--      pgq.insert_event(7)
-- Raises:
--      TR040 when the table has lost its primary key
-- ----------------------------------------------------------------------
declare
    v_info     tailrace.table_info;
    v_relation record;
    v_sent     constant text := 'tailrace.sent_' || i_capture_id;
begin
    select * into strict v_info from tailrace.table_info i where i.capture_id = i_capture_id;
    select * into v_relation from tailrace.describe_table(tailrace.table_oid(v_info.dest_table), v_info.table_name, v_info.old_images);
    if v_relation.key_columns is null then
        raise exception 'table "%" has no primary key any more; queue "%" cannot carry its changes',
                        v_info.dest_table, v_info.queue_name
              using errcode = 'TR040', hint = 'add a primary key, or: tailrace remove-table';
    end if;
    if not exists (select from tailrace.relation r where r.relation_id = v_relation.relation_id)
       and current_setting(v_sent, true) is distinct from v_relation.relation_id then
        perform pgq.insert_event(v_info.queue_name, 'tailrace.relation',
            tailrace.relation_json(v_relation.relation_id, v_relation.table_name, v_relation.column_names,
                                   v_relation.column_types, v_relation.key_columns, v_relation.old_images),
            v_relation.table_name, null, v_relation.relation_id, null);
        perform set_config(v_sent, v_relation.relation_id, true);
    end if;
    return v_relation.relation_id;
end
$$;
