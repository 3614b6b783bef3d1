create or replace function tailrace.copy_role(
    i_queue text,
    i_table text
) returns text
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.copy_role(2)
--
--      Several queues may bring their rows into one table. Their first copies come one after the
--      other, and none of them keeps a snapshot of its source open while it waits. Indexes stay:
--      a copy is one transaction, so there is no time in which they could be missing.
--
-- Parameters:
--      i_queue  - queue
--      i_table  - global name of the table in that queue
--
-- Returns:
--      lead       - it is being copied, or is the next one
--      wait-copy  - another one is copied before
--      NULL: no copy is due, or no other queue has one due in the same table
--
-- Calls:
--      tailrace.merge_group
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    with due as (
        select o.queue_name,
            pg_catalog.row_number() over (
                order by (o.state = 'copying' and o.copy_tick is not null) desc, o.queue_name) as place,
            pg_catalog.count(*) over () as parts
        from tailrace.table_info as i
        join tailrace.merge_group(i_queue) as g on true
        join tailrace.table_info as o on o.queue_name = g.part_queue and o.dest_table = i.dest_table
        where i.queue_name = i_queue and i.table_name = i_table and o.state in ('pending', 'copying')
    )
    select case when d.place = 1 then 'lead' else 'wait-copy' end
    from due as d
    where d.queue_name = i_queue and d.parts > 1
$body$;

comment on function tailrace.copy_role(text, text) is
    'whose turn it is where several queues are copied into one table';
