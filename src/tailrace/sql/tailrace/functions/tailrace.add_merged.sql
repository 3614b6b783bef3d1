create or replace function tailrace.add_merged(
    i_queue     text,
    i_table     text,
    i_dest      text,
    i_merge_all boolean,
    i_no_merge  boolean,
    out queue_name text,
    out ret_code   integer,
    out ret_note   text
) returns setof record
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.add_merged(5)
--
--      Make a table part of a queue on a leaf that is merged: with merge_all of all queues that
--      are merged here and of the combined one, with no_merge of this one alone.
--
-- Parameters:
--      i_queue      - queue of the leaf
--      i_table      - global name
--      i_dest       - local name where it differs; NULL: the same
--      i_merge_all  - the rows of all queues of the group come into this table
--      i_no_merge   - only those of this queue, and they do not go on
--
-- Returns:
--      a row for each queue: what tailrace.add_table said. Or one row with 405 and nothing is
--      changed: both were given, or neither and it is not clear what is meant
--
-- Calls:
--      tailrace.merge_group, tailrace.add_table
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_combined text := (select n.combined_queue from pgq_node.node_info as n where n.queue_name = i_queue);
    v_name     text := case when pg_catalog.strpos(i_table, '.') > 0 then i_table else 'public.' || i_table end;
    v_dest     text := coalesce(case when pg_catalog.strpos(i_dest, '.') > 0 then i_dest else 'public.' || i_dest end, v_name);
    v_parts    text[];
    v_other    text;
begin
    select pg_catalog.array_agg(g.part_queue order by g.part_queue) into v_parts
    from tailrace.merge_group(i_queue) as g;
    select i.queue_name into v_other
    from tailrace.table_info as i
    where i.dest_table = v_dest and i.queue_name = any (v_parts) and i.queue_name <> i_queue
    limit 1;

    ret_code := 405;
    queue_name := i_queue;
    ret_note := case
        when i_merge_all and i_no_merge
            then pg_catalog.format('table "%s" cannot be added both with and without merging', v_name)
        when v_other is not null and not i_merge_all
            then pg_catalog.format('rows of queue "%s" come into table "%s" already; to bring those of all queues together '
                'say --merge-all', v_other, v_dest)
        when pg_catalog.cardinality(v_parts) > 1 and not i_merge_all and not i_no_merge
            then pg_catalog.format('queues %s are merged here, so it must be said whether table "%s" is one of all of '
                'them (--merge-all) or of queue "%s" alone (--no-merge)',
                pg_catalog.array_to_string(v_parts, ', '), v_name, i_queue)
    end;
    if ret_note is not null then
        return next;
        return;
    end if;

    if i_no_merge or v_combined is null then
        v_parts := array[i_queue];
        v_combined := null;
    end if;
    for queue_name in select unnest(v_parts) loop
        select a.ret_code, a.ret_note into ret_code, ret_note
        from tailrace.add_table(queue_name, v_name, v_dest) as a;
        return next;
    end loop;
    if v_combined is not null then
        queue_name := v_combined;
        select a.ret_code, a.ret_note into ret_code, ret_note
        from tailrace.add_table(v_combined, v_dest) as a;
        return next;
    end if;
end;
$body$;

comment on function tailrace.add_merged(text, text, text, boolean, boolean) is
    'makes a table part of one queue that is merged here, or of all and the combined one';
