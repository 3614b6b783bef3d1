create or replace function tailrace.snapshot_tick(i_queue text, i_snapshot text)
returns bigint
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.snapshot_tick(2)
--
--      Make a tick that is exactly a snapshot which another transaction
--      has: all that it sees is at or before the tick, all else after it.
--      The caller locks pgq.tick before that snapshot is taken and until it
--      commits, so that no tick comes between.
--
-- Parameters:
--      i_queue     queue of which this node is the root
--      i_snapshot  pg_catalog.txid_current_snapshot() of the other
--                  transaction, as text
-- Returns:
--      id of the tick
-- Calls:
--      pgq.make_tick, pgq.seq_getval
-- Raises:
--      TR004 unknown queue; TR009 when the ticks come from another node, or
--      the lock was taken too late
-- Tables changed:
--      pgq.tick
-- ----------------------------------------------------------------------
declare
    v_queue    pgq.queue;
    v_snapshot txid_snapshot := i_snapshot;
    v_newest   txid_snapshot;
begin
    lock table pgq.tick in share row exclusive mode;

    select * into v_queue from pgq.queue q where q.queue_name = i_queue;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('queue "%s" does not exist in database "%s"',
                                        i_queue, pg_catalog.current_database()),
            hint = 'create a root with: tailrace create-root';
    end if;
    if v_queue.queue_external_ticker then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('queue "%s" gets its ticks from another node', i_queue),
            hint = 'a snapshot tick is made on the root of the queue';
    end if;

    select t.tick_snapshot into v_newest
      from pgq.tick t
     where t.tick_queue = v_queue.queue_id
     order by t.tick_id desc
     limit 1;
    if pg_catalog.txid_snapshot_xmin(v_snapshot) < pg_catalog.txid_snapshot_xmin(v_newest)
       or pg_catalog.txid_snapshot_xmax(v_snapshot) < pg_catalog.txid_snapshot_xmax(v_newest) then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('the snapshot is older than the newest tick of queue "%s"', i_queue),
            hint = 'lock pgq.tick before the snapshot is taken';
    end if;

    return pgq.make_tick(v_queue.queue_id, v_snapshot, pgq.seq_getval(v_queue.queue_event_seq));
end;
$$;

comment on function tailrace.snapshot_tick(text, text) is
    'makes a tick that is exactly the snapshot of another transaction';
