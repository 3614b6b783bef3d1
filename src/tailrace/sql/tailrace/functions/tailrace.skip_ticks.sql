create or replace function tailrace.skip_ticks(
    i_queue    text,
    i_position bigint
) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.skip_ticks(2)
--
--      A reader has completed a tick that is yet to be made here. Where ticks are made, that means
--      that this database was set back: to an older backup, or to a standby that was behind. The
--      tick of that id would stand for other events, and the reader go on behind them and never
--      know. So ids that somebody may have met are left out: the next tick is a million further
--      on, as after a failover. A sequence is not rolled back, so the caller may raise an error.
--
-- Parameters:
--      i_queue     - queue
--      i_position  - tick that the reader has completed
--
-- Returns:
--      true   - ticks are made here, and none of an id up to i_position will be
--      false  - ticks come from elsewhere (a branch), where the tick may exist; or the position is
--               so far off that nobody can have met it, and sequences are not moved for that; or
--               the transaction is read-only
--
-- Calls:
--      pgq.seq_getval, pgq.seq_setval
-- Tables directly manipulated:
--      none; moves the tick sequence
-- ----------------------------------------------------------------------
declare
    v_sequence text;
    v_last     bigint;
begin
    select q.queue_tick_seq, pgq.seq_getval(q.queue_tick_seq) into v_sequence, v_last
    from pgq.queue as q
    where q.queue_name = i_queue and not q.queue_external_ticker;
    if not found or i_position - v_last > 100000000
        or pg_catalog.current_setting('transaction_read_only')::boolean
    then
        return false;
    end if;
    if v_last < i_position then
        perform pgq.seq_setval(v_sequence, i_position + 1000000);
    end if;
    return true;
end;
$body$;

comment on function tailrace.skip_ticks(text, bigint) is
    'keeps a root that was set back from giving ids that its readers have met to other ticks';
