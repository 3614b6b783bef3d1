create or replace function tailrace.check_snapshot(i_capture_id integer, i_row_columns text[])
returns void
language plpgsql
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.check_snapshot(2)
--
--      A repeatable-read transaction that began before an ALTER TABLE and
--      writes the table after it would log rows under the old shape.
--
-- Parameters:
--      i_capture_id    tailrace.table_info.capture_id
--      i_row_columns   names of the columns that the rows really have
-- Raises:
--      40001 when they are not the columns that this snapshot shows
-- ----------------------------------------------------------------------
declare
    v_info tailrace.table_info;
begin
    select * into strict v_info from tailrace.table_info i where i.capture_id = i_capture_id;
    if (select array_agg(x.name order by x.name) from unnest(i_row_columns) x(name)) is distinct from
       (select array_agg(a.attname::text order by a.attname::text) from pg_attribute a
         where a.attrelid = tailrace.table_oid(v_info.dest_table) and a.attnum > 0 and not a.attisdropped) then
        raise exception 'table "%" was altered after this transaction began', v_info.dest_table
              using errcode = '40001', hint = 'try the transaction again';
    end if;
end
$$;
