create or replace function tailrace.capture_row()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set "DateStyle" = 'ISO, MDY'
set "IntervalStyle" = 'postgres'
set "TimeZone" = 'UTC'
set extra_float_digits = 1
set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.capture_row(0)
--
--      Row trigger on a partitioned table, which the server copies to every
--      partition made or attached later. It is switched off on partitions
--      that have statement triggers, so it works only for a partition that
--      refresh_capture has not met yet: nothing written there is lost.
--      A statement on the root may log such a row twice; the last event of
--      a key wins, and both say the same. Where old images are wanted, such
--      a row carries N in ev_extra4, as whatever is told twice.
--
-- Trigger argument: capture id of the root
-- ----------------------------------------------------------------------
declare
    v_id       constant integer := tg_argv[0]::integer;
    v_info     tailrace.table_info;
    v_seq      text;
    v_table    text;
    v_relation record;
    v_row      text;
    v_key      text;
    v_old      text;
    v_new      text;
    v_repeated boolean;
begin
    select * into strict v_info from tailrace.table_info i where i.capture_id = v_id;
    select q.queue_event_seq into strict v_seq from pgq.queue q where q.queue_name = v_info.queue_name;
    v_table := tailrace.event_table(v_id);
    if v_table is null then
        return null;
    end if;
    select * into v_relation from tailrace.describe_table(tailrace.table_oid(v_info.dest_table), v_info.table_name, v_info.old_images);
    select string_agg(format('($1).%I', c), ', ') into v_row from unnest(v_relation.column_names) c;
    select string_agg(format('($1).%I', c), ', ') into v_key from unnest(v_relation.key_columns) c;
    if tg_op <> 'INSERT' then
        execute format('select row(%s)::text', v_key) into v_old using old;
    end if;
    if tg_op <> 'DELETE' then
        execute format('select row(%s)::text', v_key) into v_new using new;
    end if;
    -- inside a statement on the root, which tells of all its rows when it ends
    v_repeated := v_info.old_images and coalesce(current_setting('tailrace.open_' || v_id, true), '') <> '';
    if v_info.old_images and v_old is not null and not v_repeated then
        execute format('insert into %s (ev_id, ev_time, ev_type, ev_data, ev_extra1, ev_extra3, ev_extra4) select nextval(%L), now(), ''row:O'', row(%s)::text, %L, %L, %L',
                       v_table, v_seq, v_row, v_info.table_name, v_relation.relation_id, left(tg_op, 1)) using old;
    end if;
    if v_old is not null and v_old is distinct from v_new then
        execute format('insert into %s (ev_id, ev_time, ev_type, ev_data, ev_extra1, ev_extra3) values (nextval(%L), now(), %L, $1, %L, %L)',
                       v_table, v_seq,
                       'row:D', v_info.table_name, v_relation.relation_id) using v_old;
    end if;
    if v_new is not null then
        execute format('insert into %s (ev_id, ev_time, ev_type, ev_data, ev_extra1, ev_extra3, ev_extra4) select nextval(%L), now(), %L, row(%s)::text, %L, %L, %L',
                       v_table, v_seq,
                       case when v_old is not distinct from v_new then 'row:U' else 'row:I' end,
                       v_row, v_info.table_name, v_relation.relation_id, case when v_repeated then 'N' end) using new;
    end if;
    return null;
end
$$;
