create or replace function tailrace.delete_events_after(
    i_queue text,
    i_tick  bigint
) returns bigint
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.delete_events_after(2)
--
--      Delete exactly the events that a tick does not see: those of transactions that its snapshot
--      counts as later or as running, whatever their ids.
--
-- Parameters:
--      i_queue  - queue into which nobody writes at the moment
--      i_tick   - tick of it
--
-- Returns:
--      number of events
--
-- Tables directly manipulated:
--      delete - all event tables of the queue
-- ----------------------------------------------------------------------
declare
    v_queue    pgq.queue%rowtype;
    v_snapshot txid_snapshot;
    v_deleted  bigint := 0;
    v_rows     bigint;
begin
    select q.* into v_queue from pgq.queue as q where q.queue_name = i_queue;
    select t.tick_snapshot into v_snapshot from pgq.tick as t
    where t.tick_queue = v_queue.queue_id and t.tick_id = i_tick;
    for i in 0 .. v_queue.queue_ntables - 1 loop
        execute pg_catalog.format(
            'delete from %s where ev_txid >= pg_catalog.txid_snapshot_xmin($1)'
            ' and not pg_catalog.txid_visible_in_snapshot(ev_txid, $1)',
            pgq.quote_fqname(v_queue.queue_data_pfx || '_' || i))
        using v_snapshot;
        get diagnostics v_rows = row_count;
        v_deleted := v_deleted + v_rows;
    end loop;
    return v_deleted;
end;
$body$;

comment on function tailrace.delete_events_after(text, bigint) is
    'deletes exactly the events that a tick does not see';
