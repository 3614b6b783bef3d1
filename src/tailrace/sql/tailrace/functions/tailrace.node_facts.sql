create or replace function tailrace.node_facts(i_queue text)
returns json
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.node_facts(1)
--
--      What change-provider and takeover have to know of one node before each of their steps, in
--      one round trip. They look at every node again after each change, so this is kept short.
--
-- Parameters:
--      i_queue  - queue
--
-- Returns:
--      an object:
--        name, type, worker, provider,
--        closed (nobody may write events; false on a leaf),
--        agrees (it keeps its watermark with a sync group),
--        newest, oldest (ticks that are here; NULL on a leaf),
--        positions: {consumer: {provider, tick, paused, uptodate, error}},
--        subscribers: {node: worker},
--        readers: {consumer of the local queue: its tick},
--        copying: [table that is not live yet], tables: [table],
--        members: {node: {location, dead}}
--      NULL: this database has no node of the queue
--
-- Calls:
--      tailrace.sync_members
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.json_build_object(
        'name', n.node_name,
        'type', n.node_type,
        'worker', n.worker_name,
        'provider', (select w.provider_node from pgq_node.local_state as w
            where w.queue_name = n.queue_name and w.consumer_name = n.worker_name),
        'closed', coalesce(q.queue_disable_insert and q.queue_external_ticker, false),
        'agrees', tailrace.sync_members(n.queue_name) is not null,
        'newest', (select pg_catalog.max(t.tick_id) from pgq.tick as t where t.tick_queue = q.queue_id),
        'oldest', (select pg_catalog.min(t.tick_id) from pgq.tick as t where t.tick_queue = q.queue_id),
        'positions', (
            select coalesce(pg_catalog.json_object_agg(s.consumer_name, pg_catalog.json_build_object(
                'provider', s.provider_node, 'tick', s.last_tick_id,
                'paused', s.paused, 'uptodate', s.uptodate, 'error', s.cur_error)), '{}'::json)
            from pgq_node.local_state as s
            where s.queue_name = n.queue_name),
        'subscribers', (
            select coalesce(pg_catalog.json_object_agg(b.subscriber_node, b.worker_name), '{}'::json)
            from pgq_node.subscriber_info as b
            where b.queue_name = n.queue_name),
        'readers', (
            select coalesce(pg_catalog.json_object_agg(c.co_name, r.sub_last_tick), '{}'::json)
            from pgq.subscription as r
            join pgq.consumer as c on c.co_id = r.sub_consumer
            where r.sub_queue = q.queue_id),
        'copying', (
            select coalesce(pg_catalog.json_agg(i.table_name order by i.table_name), '[]'::json)
            from tailrace.table_info as i
            where i.queue_name = n.queue_name and i.state <> 'live'),
        'tables', (
            select coalesce(pg_catalog.json_agg(i.table_name order by i.table_name), '[]'::json)
            from tailrace.table_info as i
            where i.queue_name = n.queue_name),
        'members', (
            select pg_catalog.json_object_agg(l.node_name, pg_catalog.json_build_object(
                'location', l.node_location, 'dead', l.dead))
            from pgq_node.node_location as l
            where l.queue_name = n.queue_name)
    )
    from pgq_node.node_info as n
    left join pgq.queue as q on q.queue_name = n.queue_name
    where n.queue_name = i_queue;
$body$;

comment on function tailrace.node_facts(text) is
    'what change-provider and takeover have to know of one node, as JSON';
