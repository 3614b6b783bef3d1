create or replace function tailrace.local_tables(
    i_queue  text,
    i_tables text[],
    out table_name text,
    out dest_table text,
    out state      text,
    out shape      text,
    out began_at   timestamptz
) returns setof record
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.local_tables(2)
--
--      The tables that this node replicates: their states, and for some of them their shape.
--
-- Parameters:
--      i_queue   - queue
--      i_tables  - global names of those whose shape is wanted
--
-- Returns:
--      one row a table; shape is NULL for tables not asked for and for those that do not exist;
--      began_at tells this transaction from others of the session
--
-- Calls:
--      tailrace.table_oid, tailrace.apply_shape
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select i.table_name, i.dest_table, i.state,
        case when i.table_name = any (i_tables)
            then tailrace.apply_shape(tailrace.table_oid(i.dest_table)) end,
        pg_catalog.transaction_timestamp()
    from tailrace.table_info as i
    where i.queue_name = i_queue
$body$;

comment on function tailrace.local_tables(text, text[]) is
    'states, and shapes where asked for, of the tables that this node replicates';
