create or replace function tailrace.tick_queue(
    i_queue text
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.tick_queue(1)
--
--      Make a tick where one is due: when an event has been committed that the newest tick does
--      not cover, and that tick is ticker_max_lag old; when ticker_max_count ids were drawn; and
--      when the queue has been idle for ticker_idle_period.
--
--      pgq.ticker, which decides the last two, looks at event ids alone. So it would let the
--      events of a transaction that was open at the last tick wait for the idle period, and tick
--      in vain for ids that are not committed, and often after each piece of work, at growing
--      distances. On a cascade every tick costs every branch a transaction.
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
    select q.queue_id, q.queue_event_seq, q.queue_ticker_max_lag, q.queue_ticker_max_count,
        q.queue_ticker_idle_period
    into v_queue
    from pgq.queue as q
    where q.queue_name = i_queue;
    select t.tick_id, t.tick_time, t.tick_snapshot, t.tick_event_seq into v_tick
    from pgq.tick as t
    where t.tick_queue = v_queue.queue_id
    order by t.tick_id desc
    limit 1;

    if not found
        or pg_catalog.now() - v_tick.tick_time >= v_queue.queue_ticker_idle_period
        or pgq.seq_getval(v_queue.queue_event_seq) - v_tick.tick_event_seq
            >= v_queue.queue_ticker_max_count
    then
        if pgq.ticker(i_queue) is not null then
            return 'ticked';
        end if;
    end if;
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
    'makes a tick when a committed event waits for one, or the rules of pgq.ticker ask for it';
