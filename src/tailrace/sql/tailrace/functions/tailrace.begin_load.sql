create or replace function tailrace.begin_load(
    i_queue text,
    i_table text
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.begin_load(2)
--
--      Make room for the rows of a copy. The table is locked against writers and emptied, unless
--      rows of another queue that is merged into the same table are there already. What becomes
--      of a merged table has to be known to the readers of the combined queue, so its rows come
--      into a temporary table first; see tailrace.end_load.
--
-- Parameters:
--      i_queue  - queue
--      i_table  - global name of the table
--
-- Returns:
--      table that takes the rows
-- Raises:
--      TR009 when the combined queue takes no events now
--
-- Calls:
--      tailrace.own_rows, tailrace.empty_table, tailrace.other_parts, tailrace.combined_root
-- Tables directly manipulated:
--      the table; event row:T in the combined queue; temporary table tailrace_load
-- ----------------------------------------------------------------------
declare
    v_dest     text := (select i.dest_table from tailrace.table_info as i
                        where i.queue_name = i_queue and i.table_name = i_table);
    v_into     text := (select n.combined_queue from pgq_node.node_info as n where n.queue_name = i_queue);
    v_combined text;
begin
    if v_into is null then
        perform tailrace.empty_table(v_dest);
        return v_dest;
    end if;

    execute pg_catalog.format('lock table %s in share row exclusive mode', tailrace.own_rows(v_dest));
    v_combined := tailrace.combined_root(i_queue);
    if v_combined is null then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('queue "%s", into which queue "%s" is merged, takes no events in database "%s" now',
                v_into, i_queue, pg_catalog.current_database()),
            hint = 'the copy is tried again; see: tailrace status';
    end if;
    if not exists (
        select 1 from tailrace.table_info as o
        where o.queue_name = any (tailrace.other_parts(i_queue, i_table))
            and o.dest_table = v_dest and o.state in ('syncing', 'live'))
    then
        perform tailrace.empty_table(v_dest);
        perform pgq.insert_event(v_combined, 'row:T', null, c.table_name, null, c.relation_id, null)
        from tailrace.table_info as c
        where c.queue_name = v_combined and c.dest_table = v_dest;
    end if;
    execute pg_catalog.format(
        'create temporary table tailrace_load (like %s including defaults) on commit drop',
        tailrace.table_oid(v_dest));
    return 'pg_temp.tailrace_load';
end;
$body$;

comment on function tailrace.begin_load(text, text) is
    'makes room for the rows of a copy; returns the table that takes them';
