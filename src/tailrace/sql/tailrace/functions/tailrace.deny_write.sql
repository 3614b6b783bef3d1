create or replace function tailrace.deny_write()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.deny_write(0)
--
--      BEFORE STATEMENT trigger of tables on a leaf: a row written here
--      would differ from the root for ever. Replication itself works in
--      role replica, where the trigger does not fire; scripts of schema
--      changes work in role local.
--
-- Trigger argument: capture id
-- Raises:
--      TR009
-- ----------------------------------------------------------------------
begin
    if pg_catalog.current_setting('session_replication_role') <> 'local' then
        raise exception 'table "%" cannot be written here: it is replicated into this leaf from queue "%"',
                        tg_table_schema || '.' || tg_table_name,
                        (select i.queue_name from tailrace.table_info i where i.capture_id = tg_argv[0]::integer)
              using errcode = 'TR009', hint = 'write on the root of the queue, or: tailrace remove-table';
    end if;
    return null;
end
$$;
