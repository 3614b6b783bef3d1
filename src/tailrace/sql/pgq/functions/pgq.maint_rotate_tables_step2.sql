-- pgq.maint_rotate_tables_step2()
--
-- Purpose: complete the rotations that step 1 began. It must run in a later transaction than step
--     1: whoever gets a transaction id above the one stored here sees the switch.
-- Returns: always 0.
-- Tables changed: pgq.queue.

create or replace function pgq.maint_rotate_tables_step2()
returns int4
language plpgsql
as $$
begin
    update pgq.queue set queue_switch_step2 = pg_catalog.txid_current()
    where queue_switch_step2 is null;
    return 0;
end;
$$;
