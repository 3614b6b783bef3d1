-- pgq.tick_range_sql(queue id, subscription, previous tick, current tick)
--
-- Purpose: text of the query for the events between two ticks, neighbours or not: of every
--     transaction that the snapshot of the second tick sees and that of the first does not. The
--     text has no "order by"; add "order by ev_id" or wrap it. To be run in the transaction that
--     asked for it, as a rotation may follow.
-- Parameters: i_queue_id   queue
--             i_sub_id     subscription whose retried events are wanted as well; NULL: of none
--             i_prev_tick  tick after which the range begins
--             i_cur_tick   tick with which it ends
-- Returns: SELECT with the columns ev_id, ev_time, ev_txid, ev_retry, ev_type, ev_data, ev_extra1
--     to ev_extra4. Raises TR020 when a tick is not there (any more), TR004 for an unknown queue.
-- NULL: for a tick raises TR020.
-- Calls: pgq.tick_range_txids, tick_range_tables, raise_lost_position.

create or replace function pgq.tick_range_sql(
    i_queue_id int4, i_sub_id int4, i_prev_tick bigint, i_cur_tick bigint)
returns text
language plpgsql
stable
as $$
declare
    v_found  record;
    v_txids  record;
    v_filter text;
    v_sql    text := '';
    v_table  text;
begin
    select q as queue, b.tick_snapshot as before, a.tick_snapshot as after into v_found
    from pgq.queue as q
    left join pgq.tick as b on b.tick_queue = i_queue_id and b.tick_id = i_prev_tick
    left join pgq.tick as a on a.tick_queue = i_queue_id and a.tick_id = i_cur_tick
    where q.queue_id = i_queue_id;
    if not found then
        raise exception 'queue with id % does not exist in database "%"',
                coalesce(i_queue_id::text, '<NULL>'), pg_catalog.current_database()
            using errcode = 'TR004', hint = 'look for it in pgq.queue';
    end if;
    if v_found.before is null or v_found.after is null then
        perform pgq.raise_lost_position(
            i_queue_id, case when v_found.before is null then i_prev_tick else i_cur_tick end, null);
    end if;

    v_txids := pgq.tick_range_txids(v_found.before, v_found.after);
    v_filter := pg_catalog.format(
        ' and pg_catalog.txid_visible_in_snapshot(ev_txid, %L)'
        ' and not pg_catalog.txid_visible_in_snapshot(ev_txid, %L)', v_found.after, v_found.before)
        || case when i_sub_id is null then ' and ev_owner is null'
            else pg_catalog.format(' and (ev_owner is null or ev_owner = %s)', i_sub_id) end;

    foreach v_table in array pgq.tick_range_tables(v_found.queue, v_found.before, v_found.after) loop
        v_sql := v_sql || pg_catalog.format(
            ' union all select ev_id, ev_time, ev_txid, ev_retry, ev_type, ev_data,'
            ' ev_extra1, ev_extra2, ev_extra3, ev_extra4 from %s'
            ' where ev_txid >= %s and ev_txid <= %s%s',
            v_table, v_txids.lowest, pg_catalog.txid_snapshot_xmax(v_found.after), v_filter);
        if pg_catalog.cardinality(v_txids.single) > 0 then
            v_sql := v_sql || pg_catalog.format(
                ' union all select ev_id, ev_time, ev_txid, ev_retry, ev_type, ev_data,'
                ' ev_extra1, ev_extra2, ev_extra3, ev_extra4 from %s'
                ' where ev_txid = any (%L::bigint[])%s',
                v_table, v_txids.single, v_filter);
        end if;
    end loop;
    return pg_catalog.substr(v_sql, pg_catalog.length(' union all ') + 1);
end;
$$;
