-- pgq.require_read_committed()
--
-- Purpose: refuse to make ticks where the snapshot would be older than the lock on the ticks.
-- Returns: nothing; raises TR009 unless the transaction is read committed.

create or replace function pgq.require_read_committed()
returns void
language plpgsql
as $$
begin
    if pg_catalog.current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'ticks cannot be made in a % transaction',
                pg_catalog.current_setting('transaction_isolation')
            using errcode = 'TR009', hint = 'begin it with isolation level read committed';
    end if;
end;
$$;
