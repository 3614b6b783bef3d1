create or replace function tailrace.end_load(
    i_queue text,
    i_table text
) returns bigint
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.end_load(2)
--
--      Bring the rows that were copied into their table, where they are not there yet: those of a
--      merged table go into the combined queue as well, in the same transaction, and after they
--      are in the table.
--
-- Parameters:
--      i_queue  - queue
--      i_table  - global name of the table
--
-- Returns:
--      rows brought; NULL: they were in the table already
--
-- Calls:
--      tailrace.copied_columns, tailrace.capture_whole, tailrace.combined_root
-- Tables directly manipulated:
--      the table; row events in the combined queue
-- ----------------------------------------------------------------------
declare
    v_dest     text := (select i.dest_table from tailrace.table_info as i
                        where i.queue_name = i_queue and i.table_name = i_table);
    v_columns  text;
    v_rows     bigint;
begin
    if not exists (select 1 from pgq_node.node_info as n
        where n.queue_name = i_queue and n.combined_queue is not null)
    then
        return null;
    end if;
    select pg_catalog.string_agg(pg_catalog.quote_ident(c.name), ', ' order by c.n) into v_columns
    from pg_catalog.unnest(tailrace.copied_columns(v_dest)) with ordinality as c (name, n);
    execute pg_catalog.format(
        'insert into %s (%s) overriding system value select %s from pg_temp.tailrace_load',
        tailrace.table_oid(v_dest), v_columns, v_columns);
    get diagnostics v_rows = row_count;
    perform tailrace.capture_whole(c.capture_id, 'pg_temp.tailrace_load', 'loaded')
    from tailrace.table_info as c
    where c.queue_name = tailrace.combined_root(i_queue) and c.dest_table = v_dest;
    drop table pg_temp.tailrace_load;
    return v_rows;
end;
$body$;

comment on function tailrace.end_load(text, text) is
    'brings copied rows of a merged table into it and into the combined queue';
