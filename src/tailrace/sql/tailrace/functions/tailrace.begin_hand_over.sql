create or replace function tailrace.begin_hand_over(
    i_queue    text,
    i_consumer text,
    i_table    text,
    i_position bigint,
    out from_tick  bigint,
    out source_sql text
) returns record
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.begin_hand_over(4)
--
--      A copied table becomes live at the position of the applying
--      consumer, in a transaction that has checked runner and position.
--      What happened to the table between the copy's tick and this position
--      is applied by the caller in the same transaction.
--
-- Parameters:
--      i_queue     queue
--      i_consumer  applying consumer of this node
--      i_table     global name of the table
--      i_position  its position
-- Returns:
--      from_tick   the copy's tick; NULL when the table is not to be handed
--                  over (any more)
--      source_sql  SELECT text of the table's events since then, columns as
--                  of tailrace.range_sql; NULL when there can be none
-- Calls:
--      tailrace.range_sql
-- Tables changed:
--      tailrace.table_info
-- ----------------------------------------------------------------------
begin
    update tailrace.table_info i
       set state = 'live', live_at = pg_catalog.clock_timestamp()
     where i.queue_name = i_queue and i.table_name = i_table
       and i.state = 'syncing' and i.copy_tick <= i_position
    returning i.copy_tick into from_tick;
    if from_tick = i_position or not found then
        return;
    end if;
    if pgq_node.is_leaf_node(i_queue) then
        source_sql := pg_catalog.format(
            'select a.ev_id, null::timestamptz as ev_time, a.ev_type, a.ev_data,'
            ' a.ev_extra1, a.ev_extra2, a.ev_extra3, a.ev_extra4 from tailrace.set_aside as a'
            ' where a.queue_name = %L and a.table_name = %L and a.tick_id > %s',
            i_queue, i_table, from_tick);
    else
        source_sql := pg_catalog.format(
            'select e.ev_id, e.ev_time, e.ev_type, e.ev_data,'
            ' e.ev_extra1, e.ev_extra2, e.ev_extra3, e.ev_extra4 from (%s) as e'
            ' where e.ev_extra1 = %L and e.ev_type like ''row:%%''',
            tailrace.range_sql(i_queue, i_consumer, from_tick, i_position), i_table);
    end if;
end;
$$;

comment on function tailrace.begin_hand_over(text, text, text, bigint) is
    'a copied table becomes live; returns how to read what is still to be applied';
