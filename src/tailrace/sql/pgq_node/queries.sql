-- Queries of the cascade: what node commands, status and workers ask of schema pgq_node.

-- ---------------------------------------------------------------- Node commands and status

-- has_schemas: whether the database holds what nodes need
select to_regnamespace('pgq') is not null
    and to_regnamespace('pgq_node') is not null
    and to_regnamespace('tailrace') is not null;

-- nodes_here: the cascaded queues of which this database is a node; that of its own jobs is none
select queue_name, node_name, node_type from pgq_node.node_info
where queue_name <> 'tailrace.local'
order by queue_name;

-- node_info: everything about this database's node of one queue; 404 when it is none
select * from pgq_node.get_node_info(%(queue)s);

-- locations: all nodes that this node knows
select node_name, node_location, dead from pgq_node.get_queue_locations(%(queue)s) order by node_name;

-- subscribers: nodes that read from this one
select node_name, worker_name, node_watermark from pgq_node.get_subscriber_info(%(queue)s)
order by node_name;

-- consumers: cascaded consumers that write into this node
select consumer_name, provider_node, last_tick_id, paused, uptodate, cur_error
from pgq_node.get_consumer_info(%(queue)s);

-- consumer_state: one cascaded consumer of this node
select * from pgq_node.get_consumer_state(%(queue)s, %(consumer)s);

-- register_location: make a node known; on the root all nodes hear of it
select * from pgq_node.register_location(%(queue)s, %(node)s, %(location)s, %(dead)s);

-- unregister_location: forget a node; on the root all nodes hear of it
select * from pgq_node.unregister_location(%(queue)s, %(node)s);

-- register_subscriber: let a node read from this one, from the global watermark on
select * from pgq_node.register_subscriber(%(queue)s, %(node)s, %(worker)s, null);

-- unregister_subscriber: a node does not read from this one any more
select * from pgq_node.unregister_subscriber(%(queue)s, %(node)s);

-- create_node: make this database a node
select * from pgq_node.create_node(
    %(queue)s, %(kind)s, %(node)s, %(worker)s, %(provider)s, %(watermark)s::bigint,
    %(combined)s);

-- drop_node: on the node itself: remove it; elsewhere: forget it
select * from pgq_node.drop_node(%(queue)s, %(node)s);

-- lock_node: let nobody else change this node to the end of the transaction
select node_name from pgq_node.node_info where queue_name = %(queue)s for no key update;

-- set_node_attrs: replace the attributes of this node
select * from pgq_node.set_node_attrs(%(queue)s, %(attributes)s);

-- set_paused: ask a consumer to pause or to go on
select * from pgq_node.set_consumer_paused(%(queue)s, %(consumer)s, %(paused)s);

-- set_completed: say how far a consumer that writes into this node is
select * from pgq_node.set_consumer_completed(%(queue)s, %(consumer)s, %(tick)s);

-- identity: what a database can say of itself that no other database can say at the same moment
select current_database()::text as name,
    (select oid::bigint from pg_database where datname = current_database()) as oid,
    pg_postmaster_start_time() as started,
    txid_snapshot_xmax(txid_current_snapshot()) as next_txid;

-- draw_txid: use up a transaction id
select txid_current();

-- clock: this server's time
select clock_timestamp();

-- newest_tick: the last tick of this node's queue; no row on a leaf
select t.tick_id, t.tick_time, clock_timestamp() as now
from pgq.queue as q
join pgq.tick as t on t.tick_queue = q.queue_id
where q.queue_name = %(queue)s
order by t.tick_id desc
limit 1;

-- tick_times: when some ticks of this node's queue were made
select t.tick_id, t.tick_time
from pgq.queue as q
join pgq.tick as t on t.tick_queue = q.queue_id
where q.queue_name = %(queue)s and t.tick_id = any (%(ticks)s::bigint[]);

-- set_queue_config: change one setting of the queue
select pgq.set_queue_config(%(queue)s, %(name)s, %(value)s);

-- ---------------------------------------------------------------- Doctor

-- queue_health: what of each queue tells whether it is served
select q.queue_name,
    q.queue_external_ticker as external,
    q.queue_ticker_paused as paused,
    extract(epoch from q.queue_ticker_idle_period)::float8 as idle_seconds,
    t.tick_id,
    extract(epoch from clock_timestamp() - t.tick_time)::float8 as tick_age,
    extract(epoch from clock_timestamp() - q.queue_switch_time)::float8 as rotation_age,
    extract(epoch from q.queue_rotation_period)::float8 as rotation_seconds,
    (select s.seqcache from pg_sequence as s
        where s.seqrelid = to_regclass(q.queue_event_seq)) as sequence_cache,
    (select sum(pg_total_relation_size(i.inhrelid))::bigint from pg_inherits as i
        where i.inhparent = to_regclass(q.queue_data_pfx)) as bytes
from pgq.queue as q
left join lateral (
    select k.tick_id, k.tick_time from pgq.tick as k
    where k.tick_queue = q.queue_id
    order by k.tick_id desc
    limit 1
) as t on true
order by q.queue_name;

-- slowest_consumer: who holds the events of a queue, and for how long
select c.consumer_name, c.last_tick, extract(epoch from c.lag)::float8 as lag
from pgq.get_consumer_info(%(queue)s) as c
order by c.lag desc nulls last, c.consumer_name
limit 1;

-- oldest_transaction: the oldest snapshot in this cluster that holds back rotation and vacuum
select a.pid, a.application_name, a.datname::text as database,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as age
from pg_stat_activity as a
where a.xact_start is not null and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
order by a.xact_start
limit 1;

-- silenced_triggers: replicated tables some of whose triggers do not fire
select t.tgrelid::regclass::text as table_name, t.tgname::text as trigger_name
from pg_trigger as t
where t.tgname ~ '^tailrace_[0-9]+_' and t.tgenabled not in ('O', 'A')
    and t.tgparentid = 0 -- a partition's copy of its parent's trigger is silenced on purpose
order by 1, 2;

-- may_drop_node: whether our role may remove nodes here
select pg_catalog.has_function_privilege('pgq_node.drop_node(text, text)', 'execute');

-- read_only: whether nothing can be written in this session
select pg_catalog.current_setting('transaction_read_only')::boolean;

-- shared_tables: tables that one queue brings here and another one captures or brings; a switchover may lead to that
select i.dest_table as table_name, i.queue_name as queue, o.queue_name as other
from tailrace.table_info as i
join tailrace.table_info as o on o.dest_table = i.dest_table and o.queue_name <> i.queue_name
join pgq_node.node_info as n on n.queue_name = i.queue_name
join pgq_node.node_info as p on p.queue_name = o.queue_name
where n.node_type <> 'root' and 'tailrace.local' not in (i.queue_name, o.queue_name)
    and coalesce(n.combined_queue, n.queue_name) <> coalesce(p.combined_queue, p.queue_name)
order by 1, 2, 3;
