create or replace function tailrace.rewind_parts(
    i_queue text,
    i_tick  bigint,
    i_parts jsonb
) returns text[]
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.rewind_parts(3)
--
--      An old root of a combined queue forgets what it had beyond a tick. The leaves that are merged
--      here had brought some of that, and their positions say so. Now that this node is a branch,
--      their rows come through the combined queue, so each goes back to where that queue has it: the
--      last pgq.tick-id that the tick sees. Where that event is gone, the new root's own leaf
--      tells; what it has brought up to there is in the queue that will be read.
--
-- Parameters:
--      i_queue  - combined queue
--      i_tick   - last tick that the node has in common with the others
--      i_parts  - positions of the leaves that are merged at the new root: by queue, its tick
--
-- Returns:
--      queues whose leaves were moved. Never forwards; done again: nothing is left to do.
--
-- Tables directly manipulated:
--      update - pgq_node.local_state, tailrace.runner
-- ----------------------------------------------------------------------
declare
    v_part     record;
    v_tick     bigint;
    v_moved    text[] := '{}';
begin
    for v_part in
        select n.queue_name, n.worker_name, t.tick_snapshot,
            pgq.quote_fqname(q.queue_data_pfx) as event_table
        from pgq_node.node_info as n
        join pgq.queue as q on q.queue_name = n.combined_queue
        join pgq.tick as t on t.tick_queue = q.queue_id and t.tick_id = i_tick
        where n.combined_queue = i_queue and n.node_type = 'leaf'
        order by n.queue_name
    loop
        execute pg_catalog.format(
            'select e.ev_data::bigint from %s as e'
            ' where e.ev_type = ''pgq.tick-id'' and e.ev_extra1 = $1'
            ' and pg_catalog.txid_visible_in_snapshot(e.ev_txid, $2)'
            ' order by e.ev_id desc limit 1', v_part.event_table)
        into v_tick using v_part.queue_name, v_part.tick_snapshot;
        v_tick := coalesce(v_tick, (i_parts ->> v_part.queue_name)::bigint);

        update pgq_node.local_state as s
        set last_tick_id = v_tick, uptodate = false
        where s.queue_name = v_part.queue_name and s.consumer_name = v_part.worker_name
            and s.last_tick_id > v_tick;
        if found then
            v_moved := v_moved || v_part.queue_name;
            -- a runner that still thinks of the old position must not write any more
            update tailrace.runner as r set epoch = r.epoch + 1 where r.queue_name = v_part.queue_name;
        end if;
    end loop;
    return v_moved;
end;
$body$;

comment on function tailrace.rewind_parts(text, bigint, jsonb) is
    'moves leaves that are merged into an old root''s queue back to where that queue has them';
