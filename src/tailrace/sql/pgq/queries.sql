-- Schema pgq: what commands about queues send.

-- create_queue: make a queue; 0: it is there already
select pgq.create_queue(%(queue)s);

-- drop_queue: remove a queue, and its consumers too where that is wanted
select pgq.drop_queue(%(queue)s, %(force)s);

-- node_of: name of this database's node of a queue; no row: the queue is a plain one
select n.node_name from pgq_node.node_info as n where n.queue_name = %(queue)s;

-- queues: all queues, how far their ticks are, and who holds the most events
select q.queue_name as queue, n.node_type as node,
    case when q.queue_ticker_paused then 'paused' when q.queue_external_ticker then 'from the provider' else 'made here' end
        as ticks,
    q.last_tick_id as tick, pg_catalog.round(extract(epoch from q.ticker_lag)::numeric, 1)::float8 as tick_age_seconds, q.ev_new as new_events,
    pg_catalog.round(q.ev_per_sec::numeric, 1)::float8 as events_per_second,
    c.consumers, c.slowest, c.lag as slowest_lag_seconds,
    (select pg_catalog.sum(pg_catalog.pg_total_relation_size(i.inhrelid))::bigint
        from pg_catalog.pg_inherits as i
        join pgq.queue as p on i.inhparent = p.queue_data_pfx::pg_catalog.regclass
        where p.queue_name = q.queue_name) as bytes
from pgq.get_queue_info() as q
left join pgq_node.node_info as n on n.queue_name = q.queue_name
cross join lateral (
    select pg_catalog.count(*) as consumers,
        (pg_catalog.array_agg(i.consumer_name order by i.last_tick, i.consumer_name))[1] as slowest,
        pg_catalog.round(extract(epoch from pg_catalog.max(i.lag))::numeric, 1)::float8 as lag
    from pgq.get_consumer_info(q.queue_name) as i) as c
order by q.queue_name;

-- consumers: who reads a queue (NULL: any queue), and how far each is
select i.queue_name as queue, i.consumer_name as consumer, i.last_tick as tick,
    pg_catalog.round(extract(epoch from i.lag)::numeric, 1)::float8 as lag_seconds, i.pending_events,
    pg_catalog.round(extract(epoch from i.last_seen)::numeric, 1)::float8 as last_seen_seconds, i.current_batch as batch
from pgq.get_consumer_info(%(queue)s) as i
order by 1, 2;

-- of_the_cascade: whether a consumer belongs to a node, which would not work without it
select %(consumer)s like '.%%'
    or exists (select from pgq_node.subscriber_info as s
        where s.queue_name = %(queue)s and s.worker_name = %(consumer)s)
    or exists (select from pgq_node.local_state as s
        where s.queue_name = %(queue)s and s.consumer_name = %(consumer)s);

-- unregister_consumer: forget a consumer; how many registrations that were
select pgq.unregister_consumer(%(queue)s, %(consumer)s);
