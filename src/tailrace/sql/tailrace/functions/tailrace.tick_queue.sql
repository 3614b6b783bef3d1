create or replace function tailrace.tick_queue(
    i_queue text
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.tick_queue(1)
--
--      Make a tick where one is due: by the rules of pgq.ticker, which count event ids; and by a
--      rule of ours, as soon as an event has been committed that the newest tick does not cover.
--      The second one serves transactions that were open at the tick: pgq.ticker counted their
--      events then and would let them wait for the idle period.
--
-- Parameters:
--      i_queue  - queue that ticks itself (neither external nor paused)
--
-- Returns:
--      ticked   - a tick was made
--      waiting  - something may be there, but the newest tick is younger than ticker_max_lag
--      quiet    - nothing has been committed that needs a tick
--
-- Calls:
--      pgq.ticker, tailrace.has_uncovered_event, pgq.make_tick
-- Tables directly manipulated:
--      lock - pgq.tick
-- ----------------------------------------------------------------------
declare
    v_queue record;
    v_tick  record;
    v_newer bigint;
begin
    if pgq.ticker(i_queue) is not null then
        return 'ticked';
    end if;

    select q.queue_id, q.queue_event_seq, q.queue_ticker_max_lag into v_queue
    from pgq.queue as q
    where q.queue_name = i_queue;
    select t.tick_id, t.tick_time, t.tick_snapshot into v_tick
    from pgq.tick as t
    where t.tick_queue = v_queue.queue_id
    order by t.tick_id desc
    limit 1;

    if pg_catalog.now() - v_tick.tick_time < v_queue.queue_ticker_max_lag then
        return 'waiting';
    end if;
    if not tailrace.has_uncovered_event(
        i_queue, v_tick.tick_snapshot, pg_catalog.txid_current_snapshot())
    then
        return 'quiet';
    end if;

    lock table pgq.tick in share row exclusive mode;
    select t.tick_id into v_newer
    from pgq.tick as t
    where t.tick_queue = v_queue.queue_id and t.tick_id > v_tick.tick_id
    limit 1;
    if found then
        return 'waiting';
    end if;
    perform pgq.make_tick(v_queue.queue_id, pg_catalog.txid_current_snapshot(),
        pgq.seq_getval(v_queue.queue_event_seq));
    return 'ticked';
end;
$body$;

comment on function tailrace.tick_queue(text) is
    'makes a tick by the rules of pgq.ticker, or when a committed event waits for one';
