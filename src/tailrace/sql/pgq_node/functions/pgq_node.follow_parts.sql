-- pgq_node.follow_parts(i_queue_name, i_applied_tick)
--
-- Purpose:    <node>.apply of a combined branch moves the leaves that are merged here, by the pgq.tick-id events it
--             meets. One that is retired before it has met all of them leaves positions behind: as the root this node
--             would copy those batches into the combined queue a second time. So their positions go to where the
--             queue is; what was not applied here is given up anyway.
-- Parameters: i_queue_name    combined queue of a branch that is being promoted
--             i_applied_tick  where <node>.apply stands
-- Returns:    number of leaves that were moved
-- NULL:       nothing
-- Calls:      pgq_node.set_partition_watermark
-- Changes:    pgq_node.local_state of the merged leaves
create or replace function pgq_node.follow_parts(i_queue_name text, i_applied_tick bigint)
returns integer
language plpgsql as $$
declare
    v_table    text;
    v_snapshot txid_snapshot;
    v_part     record;
    v_moved    integer := 0;
begin
    select pgq.quote_fqname(q.queue_data_pfx), t.tick_snapshot into v_table, v_snapshot
      from pgq.queue q
      join pgq.tick t on t.tick_queue = q.queue_id and t.tick_id = i_applied_tick
     where q.queue_name = i_queue_name;

    for v_part in execute pg_catalog.format(
        'select distinct on (e.ev_extra1) e.ev_extra1 as queue_name, e.ev_data::bigint as tick_id'
        ' from %s e'
        ' where e.ev_type = ''pgq.tick-id'' and e.ev_txid >= $1'
        '   and not pg_catalog.txid_visible_in_snapshot(e.ev_txid, $2)'
        ' order by e.ev_extra1, e.ev_id desc', v_table)
        using pg_catalog.txid_snapshot_xmin(v_snapshot), v_snapshot
    loop
        if (pgq_node.set_partition_watermark(i_queue_name, v_part.queue_name, v_part.tick_id)).ret_code = 200 then
            v_moved := v_moved + 1;
        end if;
    end loop;
    return v_moved;
end;
$$;
comment on function pgq_node.follow_parts(text, bigint) is
    'Internal: moves merged leaves to where the combined queue is, before its applying consumer is retired early';
