create or replace function tailrace.drop_stale_pins(i_queue text)
returns integer
language sql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.drop_stale_pins(1)
--
--      Let go of events that were kept for copies which no longer want
--      them: the table was removed in the middle of its copy, or another
--      node's tool made the copy pointless.
--
-- Parameters:
--      i_queue     queue
-- Returns:
--      number of pins dropped
-- Calls:
--      pgq.unregister_consumer
-- Tables changed:
--      pgq.subscription, tailrace.set_aside
-- ----------------------------------------------------------------------
    delete from tailrace.set_aside a
     where a.queue_name = i_queue
       and not exists (
               select from tailrace.table_info i
                where i.queue_name = a.queue_name and i.table_name = a.table_name and i.state <> 'live');

    select count(pgq.unregister_consumer(i_queue, p.co_name))::integer
      from (select c.co_name
              from pgq.queue q
              join pgq.subscription s on s.sub_queue = q.queue_id
              join pgq.consumer c on c.co_id = s.sub_consumer
             where q.queue_name = i_queue and c.co_name like '.copy.%'
               and not exists (
                       select from tailrace.table_info i
                        where i.queue_name = i_queue and '.copy.' || i.table_name = c.co_name
                          and i.state <> 'live')
            offset 0) p
$$;

comment on function tailrace.drop_stale_pins(text) is
    'lets go of events kept for copies that no longer want them';
