create or replace function tailrace.capture_whole(i_capture_id integer, i_part regclass, i_kind text)
returns bigint
language plpgsql
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.capture_whole(3)
--
--      Writes every row of one partition as events of its root: deletes
--      when it leaves (truncated, detached), whole rows when it comes
--      (attached with rows in it). The caller pins the text settings.
--
-- Parameters:
--      i_capture_id    of the root
--      i_part          the partition
--      i_kind          rows, loaded (new rows), row_keys (deletes) or left_keys (deletes of
--                      keys that the root does not have)
-- Returns:
--      number of events
-- Raises:
--      TR009 when the queue of the table takes no events here
-- ----------------------------------------------------------------------
declare
    v_table constant text := tailrace.event_table(i_capture_id);
    v_count bigint;
begin
    if v_table is null then
        return 0;
    end if;
    execute format('insert into %s %s', v_table,
                   replace(tailrace.capture_body(i_capture_id, i_kind), '@table@', 'only ' || i_part));
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
