create or replace function tailrace.refuse_two_queues(i_queue_name text, i_dest_table text)
returns void
language plpgsql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.refuse_two_queues(2)
--
--      A table may belong to two queues of this database where both only
--      capture it, or where one is merged into the other. Else rows that
--      come from one are not captured into the other, which nobody would
--      notice, or both write the same rows.
--
-- Parameters:
--      i_queue_name    queue that the table is to be added to
--      i_dest_table    local name, schema.table
-- Raises:
--      TR009 naming the other queue; never for the queue tailrace.local
-- ----------------------------------------------------------------------
declare
    v_other text;
begin
    select o.queue_name into v_other
    from tailrace.table_info as i
    join pgq_node.node_info as o on o.queue_name = i.queue_name
    join pgq_node.node_info as n on n.queue_name = i_queue_name
    where i.dest_table = i_dest_table and o.queue_name <> n.queue_name
        and 'tailrace.local' not in (o.queue_name, n.queue_name)
        and not (o.node_type = 'root' and n.node_type = 'root')
        and coalesce(o.combined_queue, o.queue_name) <> coalesce(n.combined_queue, n.queue_name)
    order by 1
    limit 1;
    if found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('table "%s" is part of queue "%s" here, and rows of that one would not mix with '
                'those of queue "%s"', i_dest_table, v_other, i_queue_name),
            hint = 'merge the queues (docs/howto/merge-queues.md), or name another table with --dest-table';
    end if;
end
$$;

comment on function tailrace.refuse_two_queues(text, text) is
    'raises when a table belongs to another queue of this database that it cannot share it with';
