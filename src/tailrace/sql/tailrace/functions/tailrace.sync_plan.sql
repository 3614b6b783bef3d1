create or replace function tailrace.sync_plan(
    i_queue    text,
    i_consumer text,
    i_position bigint,
    out stop_tick    bigint,
    out single_ticks boolean,
    out hand_over    boolean
) returns record
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.sync_plan(3)
--
--      What copies and holds ask of the applying consumer's next batch.
--
--      A leaf stores the events of a table in copy with the tick that ends
--      their batch. While the copy's tick T is not known, each batch must
--      be one tick; after that no batch may reach across T. A branch reads
--      them again from its queue, so it goes on as it likes.
--
-- Parameters:
--      i_queue     queue
--      i_consumer  applying consumer of this node
--      i_position  tick that it has completed
-- Returns:
--      stop_tick     go no further; at or below i_position: wait; NULL: free
--      single_ticks  each batch is exactly one tick
--      hand_over     a table can be brought live at this position
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select least(
               (select min(coalesce(h.tick_id, i_position))
                  from tailrace.hold h
                 where h.queue_name = i_queue and h.consumer_name = i_consumer
                   and h.expires_at > pg_catalog.clock_timestamp()),
               min(i.copy_tick) filter (where n.node_type = 'leaf' and i.copy_tick > i_position)),
           coalesce(bool_or(n.node_type = 'leaf' and i.state = 'copying'
                            and i.aside_tick is not null and i.copy_tick is null), false),
           coalesce(bool_or(i.state = 'syncing' and i.copy_tick <= i_position), false)
      from tailrace.table_info i
      join pgq_node.node_info n on n.queue_name = i.queue_name
     where i.queue_name = i_queue and i.state in ('copying', 'syncing')
$$;

comment on function tailrace.sync_plan(text, text, bigint) is
    'what copies and holds ask of the applying consumer''s next batch';
