create or replace function tailrace.node_status(
    i_queue text
) returns json
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.node_status(1)
--
--      Everything that status commands show of one node, in one round trip.
--
-- Parameters:
--      i_queue  - queue
--
-- Returns:
--      an object; positions are tick ids, times are ISO 8601 in UTC, ages are seconds:
--        queue, node_name, node_type, node_location, provider_node, provider_location,
--        combined_queue, node_attrs (text as stored), now,
--        newest_tick, newest_tick_time, newest_event_seq, global_watermark, local_watermark
--          (NULL on a leaf),
--        positions: [{consumer, role: worker | apply | other, provider_node, completed_tick,
--          tick_time (NULL where the tick is not in this database), paused, uptodate, error,
--          runner, runner_since}],
--        subscribers: [{node_name, worker_name, watermark}],
--        consumers: [{consumer, last_tick, tick_age, pending_events}] of the local queue,
--        locations: [{node_name, location, dead}],
--        tables: {total, live, waiting, missed_updates, missed_deletes, columns: {table: [name]},
--          errors: [{table, error}]}
--      NULL: this database has no node of the queue
--
-- Calls:
--      pgq_node.get_node_info
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.json_build_object(
        'queue', n.queue_name,
        'node_name', n.node_name,
        'node_type', n.node_type,
        'node_location', l.node_location,
        'provider_node', i.provider_node,
        'provider_location', i.provider_location,
        'combined_queue', n.combined_queue,
        'node_attrs', n.node_attrs,
        'now', pg_catalog.clock_timestamp() at time zone 'UTC',
        'newest_tick', t.tick_id,
        'newest_tick_time', t.tick_time at time zone 'UTC',
        'newest_event_seq', t.tick_event_seq,
        'global_watermark', i.global_watermark,
        'local_watermark', case when n.node_type <> 'leaf' then i.local_watermark end,
        'positions', (
            select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                'consumer', s.consumer_name,
                'role', case s.consumer_name
                    when n.worker_name then 'worker'
                    when n.node_name || '.apply' then 'apply'
                    else 'other' end,
                'provider_node', s.provider_node,
                'completed_tick', s.last_tick_id,
                'tick_time', (select pt.tick_time at time zone 'UTC' from pgq.tick as pt
                    where pt.tick_queue = q.queue_id and pt.tick_id = s.last_tick_id),
                'paused', s.paused,
                'uptodate', s.uptodate,
                'error', s.cur_error,
                'runner', r.runner_name,
                'runner_since', r.taken_at at time zone 'UTC'
            ) order by s.consumer_name), '[]'::json)
            from pgq_node.local_state as s
            left join tailrace.runner as r using (queue_name, consumer_name)
            where s.queue_name = n.queue_name),
        'subscribers', (
            select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                'node_name', b.node_name,
                'worker_name', b.worker_name,
                'watermark', b.node_watermark
            ) order by b.node_name), '[]'::json)
            from pgq_node.get_subscriber_info(n.queue_name) as b
            where q.queue_id is not null),
        'consumers', (
            select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                'consumer', c.consumer_name,
                'last_tick', c.last_tick,
                'tick_age', extract(epoch from c.lag),
                'pending_events', c.pending_events
            ) order by c.consumer_name), '[]'::json)
            from pgq.get_consumer_info(n.queue_name) as c
            where q.queue_id is not null),
        'locations', (
            select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                'node_name', o.node_name,
                'location', o.node_location,
                'dead', o.dead
            ) order by o.node_name), '[]'::json)
            from pgq_node.node_location as o
            where o.queue_name = n.queue_name),
        'tables', (
            select pg_catalog.json_build_object(
                'total', pg_catalog.count(*),
                'live', pg_catalog.count(*) filter (where ti.state = 'live'),
                'waiting', pg_catalog.count(*) filter (where ti.state <> 'live'),
                'missed_updates', coalesce(pg_catalog.sum(ti.missed_updates), 0),
                'missed_deletes', coalesce(pg_catalog.sum(ti.missed_deletes), 0),
                'columns', coalesce(pg_catalog.json_object_agg(ti.table_name, a.names), '{}'::json),
                'errors', coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'table', ti.table_name, 'error', ti.copy_error) order by ti.table_name)
                    filter (where ti.copy_error is not null), '[]'::json))
            from tailrace.table_info as ti
            cross join lateral (
                select coalesce(pg_catalog.array_agg(a.attname::text order by a.attnum), '{}') as names
                from pg_catalog.pg_attribute as a
                where a.attrelid = tailrace.table_oid(ti.dest_table) and a.attnum > 0 and not a.attisdropped
                    and (n.node_type <> 'root' or a.attgenerated = '')
            ) as a
            where ti.queue_name = n.queue_name)
    )
    from pgq_node.node_info as n
    join pgq_node.node_location as l on l.queue_name = n.queue_name and l.node_name = n.node_name
    cross join lateral pgq_node.get_node_info(n.queue_name) as i
    left join pgq.queue as q on q.queue_name = n.queue_name
    left join lateral (
        select k.tick_id, k.tick_time, k.tick_event_seq
        from pgq.tick as k
        where k.tick_queue = q.queue_id
        order by k.tick_id desc
        limit 1
    ) as t on true
    where n.queue_name = i_queue;
$body$;

comment on function tailrace.node_status(text) is 'all that status shows of one node, as JSON';
