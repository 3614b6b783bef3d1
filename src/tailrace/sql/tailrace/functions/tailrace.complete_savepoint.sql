create or replace function tailrace.complete_savepoint(
    i_savepoint_id text,
    i_tick         bigint,
    i_rows         bigint,
    i_bytes        bigint,
    i_absent       text[],
    i_host         text
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.complete_savepoint(6)
--
--      Last step of writing a savepoint: its files are where they belong. From here on it is listed.
--
-- Parameters:
--      i_savepoint_id  - id of the savepoint
--      i_tick          - tick that its rows are at
--      i_rows, i_bytes - what is in it
--      i_absent        - tables that are not, since they were in their initial copy
--      i_host          - machine that its path is on; NULL: a URL
--
-- Returns:
--      nothing; raises TR009 when it is not wanted, or its events are not held, any more
--
-- Tables directly manipulated:
--      update - tailrace.savepoint
-- ----------------------------------------------------------------------
begin
    update tailrace.savepoint as s
    set state = 'completed', tick_id = i_tick, row_count = i_rows, size_bytes = i_bytes,
        absent_tables = i_absent, host = i_host, completed_at = pg_catalog.clock_timestamp(),
        done_rows = i_rows, error = null
    where s.savepoint_id = i_savepoint_id and s.state = 'writing'
        and exists (select 1 from pgq_node.local_state as p
            where p.consumer_name = '.savepoint.' || i_savepoint_id and p.last_tick_id = i_tick);
    if not found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('savepoint "%s" was given up while it was written', i_savepoint_id),
            hint = 'its node was moved or removed, or somebody dropped it; ask for it again';
    end if;
end;
$body$;

comment on function tailrace.complete_savepoint(text, bigint, bigint, bigint, text[], text) is
    'last step of writing a savepoint';
