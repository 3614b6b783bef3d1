-- pgq_node.lock_ticks(i_queue_name)
--
-- Purpose:    keeps every other maker of ticks out until this transaction ends. Whoever inserts a tick calls this in a
--             statement of its own before: the next statement's snapshot is then younger than the lock, so ticks
--             are committed in the order of their snapshots, whatever ticker runs beside.
-- Parameters: i_queue_name  queue, for the error text
-- Returns:    nothing
-- NULL:       allowed
-- Calls:      nothing
-- Changes:    nothing; locks table pgq.tick in share row exclusive mode
-- Raises:     TR009 above read committed, where the snapshot would be older than the lock
create or replace function pgq_node.lock_ticks(i_queue_name text)
returns void
language plpgsql as $$
begin
    if pg_catalog.current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'a tick of queue "%" cannot be made in a % transaction',
                i_queue_name, pg_catalog.current_setting('transaction_isolation')
            using errcode = 'TR009',
                  hint = 'Use isolation level read committed.';
    end if;
    lock table pgq.tick in share row exclusive mode;
end;
$$;
comment on function pgq_node.lock_ticks(text) is 'Internal: keeps other makers of ticks out until the transaction ends';
