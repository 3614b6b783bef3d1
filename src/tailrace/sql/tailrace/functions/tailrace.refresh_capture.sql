create or replace function tailrace.refresh_capture(i_queue_name text)
returns integer
language plpgsql
set search_path = pg_catalog
set lock_timeout = '200ms'
set client_min_messages = warning
set "DateStyle" = 'ISO, MDY'
set "IntervalStyle" = 'postgres'
set "TimeZone" = 'UTC'
set extra_float_digits = 1
set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.refresh_capture(1)
--
--      Brings capture in line with the tables as they are now: after DDL
--      the capture function is made anew, new partitions get triggers,
--      detached ones lose them. Maintenance calls it every few seconds.
--      Where a lock is not to be had at once the table is left for the
--      next call, so that writers never queue up behind maintenance.
--
--      On the root the rows of a partition that came with rows in it are
--      written as events, and those of a detached one as deletes. (A
--      partition that was dropped is gone: its rows cannot be read any
--      more and stay on the other nodes.) Readers of changes have seen what
--      was written into a partition that was empty when it came; of one that
--      came with rows they are told that changes went unseen.
--
--      A root that takes no events, as one that is giving its role away,
--      is left as it is.
--
-- Parameters:
--      i_queue_name    cascaded queue with a node here
-- Returns:
--      number of tables and partitions that something was done for
-- Calls:
--      tailrace.build_capture(1), set_triggers(2), drop_triggers(2), capture_whole(3),
--      tailrace.born_as_part(1), tailrace.send_untracked(2)
-- ----------------------------------------------------------------------
declare
    v_count  integer := 0;
    v_type   text;
    v_info   tailrace.table_info;
    v_table  regclass;
    v_part   regclass;
begin
    select n.node_type into v_type from pgq_node.node_info n where n.queue_name = i_queue_name;
    if v_type = 'root' and exists (
        select from pgq.queue q where q.queue_name = i_queue_name and q.queue_disable_insert)
    then
        return 0;
    end if;
    for v_info in
        select * from tailrace.table_info i where i.queue_name = i_queue_name order by i.table_name
    loop
        v_table := tailrace.table_oid(v_info.dest_table);
        continue when v_table is null;
        begin
            if v_type <> 'leaf'
               and (v_info.shape is distinct from tailrace.table_shape(v_table)
                    or v_type = 'root' and v_info.relation_id is distinct from
                       (select d.relation_id from tailrace.describe_table(v_table, v_info.table_name, v_info.old_images) d)) then
                perform tailrace.build_capture(v_info.capture_id);
                v_count := v_count + 1;
            end if;
            for v_part in
                select m from tailrace.member_tables(v_table) m
                 where not exists (select from pg_trigger t where t.tgrelid = m
                                      and t.tgname ~ format('^tailrace_%s_(insert|deny)$', v_info.capture_id))
            loop
                perform tailrace.set_triggers(v_info.capture_id, v_part);
                if v_type = 'root' then
                    perform tailrace.capture_whole(v_info.capture_id, v_part, 'rows');
                    if v_info.old_images and not tailrace.born_as_part(v_part) then
                        perform tailrace.send_untracked(v_info.queue_name, v_info.table_name);
                    end if;
                end if;
                v_count := v_count + 1;
            end loop;
            for v_part in
                select distinct t.tgrelid::regclass from pg_trigger t
                 where t.tgname ~ format('^tailrace_%s_(insert|deny)$', v_info.capture_id) and t.tgparentid = 0
                   and t.tgrelid not in (select m from tailrace.member_tables(v_table) m)
            loop
                if v_type = 'root' then
                    -- The lock keeps a key from coming back unseen while its delete is written.
                    execute format('lock table %s in share row exclusive mode', v_table);
                    if v_info.old_images then
                        perform tailrace.capture_whole(v_info.capture_id, v_part, 'old_detached');
                    end if;
                    perform tailrace.capture_whole(v_info.capture_id, v_part, 'left_keys');
                end if;
                perform tailrace.drop_triggers(v_info.capture_id, v_part);
                v_count := v_count + 1;
            end loop;
        exception
            when lock_not_available or undefined_table then
                null;
        end;
    end loop;
    return v_count;
end
$$;
