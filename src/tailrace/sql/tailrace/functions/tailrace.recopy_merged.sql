create or replace function tailrace.recopy_merged(
    i_queue text,
    i_tick  bigint
) returns text[]
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.recopy_merged(2)
--
--      What an old root of a combined queue has lost, the queues that are merged into it still
--      have, and the new root merges it again: the same rows come a second time. They would meet
--      themselves in the tables here. So tables with lost row events are loaded anew, from the
--      new root, as a first copy would. Tables of other queues are left alone.
--
-- Parameters:
--      i_queue  - queue of a branch that has been a root
--      i_tick   - last tick that the node has in common with the others
--
-- Returns:
--      tables that will be copied; none where no queue is merged into this one
--
-- Tables directly manipulated:
--      update - tailrace.table_info
-- ----------------------------------------------------------------------
declare
    v_table    text;
    v_snapshot txid_snapshot;
    v_changed  text[];
    v_copied   text[];
begin
    if not exists (select 1 from pgq_node.node_info as n where n.combined_queue = i_queue) then
        return '{}';
    end if;
    select pgq.quote_fqname(q.queue_data_pfx), t.tick_snapshot into v_table, v_snapshot
    from pgq.queue as q
    join pgq.tick as t on t.tick_queue = q.queue_id and t.tick_id = i_tick
    where q.queue_name = i_queue;
    execute pg_catalog.format(
        'select pg_catalog.array_agg(distinct e.ev_extra1) from %s as e'
        ' where e.ev_type like ''row:%%'' and e.ev_txid >= $1'
        ' and not pg_catalog.txid_visible_in_snapshot(e.ev_txid, $2)', v_table)
    into v_changed using pg_catalog.txid_snapshot_xmin(v_snapshot), v_snapshot;

    with again as (
        update tailrace.table_info as i
        set state = 'pending', aside_tick = null, copy_tick = null, live_at = null,
            copied_rows = 0, copied_bytes = 0, expected_rows = null
        where i.queue_name = i_queue and i.table_name = any (v_changed)
        returning i.table_name
    )
    select coalesce(pg_catalog.array_agg(a.table_name order by a.table_name), '{}') into v_copied from again as a;
    return v_copied;
end;
$body$;

comment on function tailrace.recopy_merged(text, bigint) is
    'has tables loaded anew whose lost rows come a second time, because other queues are merged into theirs';
