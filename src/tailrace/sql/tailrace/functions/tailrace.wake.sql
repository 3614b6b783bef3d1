create or replace function tailrace.wake()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.wake(0)
--
--      Trigger on pgq.tick, used only where pgq is the original extension, whose functions do not
--      notify: wakes whoever listens for ticks, as pgq.make_tick does by itself. The same
--      notification twice in a transaction is sent once.
--
-- Parameters:
--      none; the new tick
-- Returns:
--      NULL, as nobody looks at it
-- Calls:
--      none
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    perform pg_notify('tailrace_tick', q.queue_name)
    from pgq.queue as q
    where q.queue_id = new.tick_queue;
    return null;
end;
$body$;

comment on function tailrace.wake() is 'wakes whoever listens for ticks, where the original pgq makes them';
