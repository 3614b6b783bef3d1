create or replace function tailrace.check_snapshot(i_capture_id integer, i_row_columns text[])
returns void
language plpgsql
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.check_snapshot(2)
--
--      What a repeatable-read transaction sees may be too old to capture by.
--      If it began before an ALTER TABLE, it would write rows under the old
--      shape; if before a rotation, into a table that nobody reads any more.
--
-- Parameters:
--      i_capture_id    tailrace.table_info.capture_id
--      i_row_columns   names of the columns that the rows really have
-- Raises:
--      40001 when they are not the columns that this snapshot shows, or the
--      queue has been rotated since
-- Calls:
--      pgq.refuse_stale_queue(1)
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
    perform pgq.refuse_stale_queue(q.queue_id) from pgq.queue q where q.queue_name = v_info.queue_name;
end
$$;
