create or replace function tailrace.note_copy_progress(
    i_queue text,
    i_table text,
    i_rows  bigint,
    i_bytes bigint
) returns boolean
language sql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.note_copy_progress(4)
--
--      Show how far a running copy is. Never waits: where somebody is
--      changing the table's row at the moment, this note is left out. When
--      that goes on, somebody is removing the table and waits for the copy.
--
-- Parameters:
--      i_queue     queue
--      i_table     global name of the table
--      i_rows      rows sent so far
--      i_bytes     bytes sent so far
-- Returns:
--      true; false when the note was left out, or the table is gone
-- Tables changed:
--      tailrace.table_info
-- ----------------------------------------------------------------------
    with noted as (
        update tailrace.table_info i
           set copied_rows = i_rows, copied_bytes = i_bytes
         where i.capture_id in (
                   select f.capture_id
                     from tailrace.table_info f
                    where f.queue_name = i_queue and f.table_name = i_table and f.state = 'copying'
                      for no key update skip locked)
        returning 1
    )
    select exists (select from noted)
$$;

comment on function tailrace.note_copy_progress(text, text, bigint, bigint) is
    'shows how far a running copy is; never waits';
