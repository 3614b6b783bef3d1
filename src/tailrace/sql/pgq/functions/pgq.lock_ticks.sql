-- pgq.lock_ticks()
--
-- Purpose: let one transaction at a time make ticks. A tick stores a snapshot, and of two ticks the
--     later must have the later snapshot; so the lock comes first and the snapshot is taken by a
--     statement after it. That works in read committed only, where each statement has a snapshot of
--     its own. The lock keeps the ticker of the original extension out as well.
-- Returns: nothing; raises TR009 in any other isolation level.
-- Calls: pgq.require_read_committed.
-- Tables changed: none (locks pgq.tick to the end of the transaction).

create or replace function pgq.lock_ticks()
returns void
language plpgsql
as $$
begin
    perform pgq.require_read_committed();
    lock table pgq.tick in share row exclusive mode;
end;
$$;
