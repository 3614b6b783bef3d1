create or replace function tailrace.capture_locally(
    i_table text
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.capture_locally(1)
--
--      Capture a table of this database, with old values, into the local queue.
--
-- Parameters:
--      i_table  - schema.table
--
-- Returns:
--      nothing; raises TR040 when it cannot be captured (tailrace.check_table)
--
-- Calls:
--      tailrace.ensure_local, tailrace.add_table, tailrace.keep_old_images
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_queue text := tailrace.ensure_local();
begin
    perform tailrace.add_table(v_queue, i_table);
    perform tailrace.keep_old_images(v_queue, i_table);
end;
$body$;

comment on function tailrace.capture_locally(text) is 'captures a table of this database into the local queue';
