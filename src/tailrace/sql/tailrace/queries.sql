-- Queries of schema tailrace: everything that Python asks of it, under the heading of who asks.

-- ---------------------------------------------------------------- Node commands and status

-- known_relations: the relation descriptors of one table, or of all (NULL), in the form that store_relation takes; among
-- them those that this root may have sent and not stored yet
select tailrace.relation_json(
    d.relation_id, d.table_name, d.column_names, d.column_types, d.key_columns, d.old_images) as json
from (
    select r.relation_id, r.table_name, r.column_names, r.column_types, r.key_columns, r.old_images, r.created_at
    from tailrace.relation as r
    union all
    select p.relation_id, p.table_name, p.column_names, p.column_types, p.key_columns, p.old_images, 'infinity'
    from tailrace.table_info as i
    cross join lateral tailrace.describe_table(tailrace.table_oid(i.dest_table), i.table_name, i.old_images) as p
    where tailrace.table_oid(i.dest_table) is not null and p.key_columns is not null
) as d
where %(table)s::text is null or d.table_name = %(table)s
order by d.created_at, d.relation_id;

-- store_relation: keep a descriptor; one that is there already stays
select tailrace.store_relation(%(json)s);

-- node_status: all that status shows of this node
select tailrace.node_status(%(queue)s);

-- node_since: what tells a node from a later one of the same name, here where it is known or lives
select coalesce(
    (select n.xmin::text from pgq_node.node_info as n where n.queue_name = %(queue)s and n.node_name = %(node)s),
    (select l.xmin::text from pgq_node.node_location as l
     where l.queue_name = %(queue)s and l.node_name = %(node)s));

-- forget_queue: remove tables, triggers and positions of a node that is about to be dropped
select tailrace.forget_queue(%(queue)s);

-- ---------------------------------------------------------------- Coming back after a takeover

-- consumer_position: tick of a consumer of this node's queue; NULL: it is not registered
select last_tick from pgq.get_consumer_info(%(queue)s, %(consumer)s);

-- unregister_consumer: a consumer of this node's queue reads no more
select pgq.unregister_consumer(%(queue)s, %(consumer)s);

-- move_consumer: set the position of a consumer of this node's queue
select pgq.register_consumer_at(%(queue)s, %(consumer)s, %(tick)s);

-- demote_root: one step of making this root a branch, before another node's name is needed
select * from pgq_node.demote_root(%(queue)s, %(step)s, null);

-- step_down: make this node a paused branch of the one that took its place
select tailrace.step_down(%(queue)s, %(provider)s, %(location)s);

-- lost_batches: the batches after a tick, each with the statement that writes it down
select prev_tick, tick_id, copy_sql from tailrace.lost_batches(%(queue)s, %(tick)s, %(limit)s);

-- lost_statistics: rows by table and kind in the events after a tick
select table_name, inserts, updates, deletes, truncates, old_rows, others
from tailrace.lost_statistics(%(queue)s, %(tick)s);

-- forget_lost_events: make this node's queue what it was at a tick
select events, ticks, consumers, readers, copied
from tailrace.forget_lost_events(%(queue)s, %(tick)s, %(provider)s, %(watermark)s, %(parts)s::jsonb);

-- merged_positions: where the leaves stand that are merged into a queue here, by their queues
select pg_catalog.jsonb_object_agg(n.queue_name, s.last_tick_id)::text
from pgq_node.node_info as n
join pgq_node.local_state as s on (s.queue_name, s.consumer_name) = (n.queue_name, n.worker_name)
where n.combined_queue = %(queue)s;

-- replace_gravestone: let a node that has come back read from here
select tailrace.replace_gravestone(%(queue)s, %(node)s, %(worker)s, %(tick)s);

-- ---------------------------------------------------------------- Table commands

-- replicated_tables: the tables of this node with their states
select table_name, dest_table, state, copied_rows, copied_bytes, expected_rows, copy_error,
    missed_updates, missed_deletes, added_at, live_at, tailrace.copy_role(queue_name, table_name)
from tailrace.table_info
where queue_name = %(queue)s
order by table_name;

-- user_tables: tables of this database that could be replicated
select table_name from tailrace.user_tables() as t (table_name);

-- replicate: make a table part of the queue on this node
select * from tailrace.add_table(%(queue)s, %(table)s, %(dest)s);

-- stop_replicating: end the replication of a table on this node
select * from tailrace.remove_table(%(queue)s, %(table)s);

-- table_exists: whether this database has a table of that name
select tailrace.table_oid(%(table)s) is not null;

-- local_table_name: what a replicated table is called in this database
select dest_table from tailrace.table_info
where queue_name = %(queue)s and table_name = %(table)s;

-- create_table_sql: statements that make a table like one of this database elsewhere
select statement from tailrace.create_table_sql(%(table)s, %(dest)s) as t (statement);

-- limit_lock_waits: for the rest of the transaction, give up waiting for locks after so long
select set_config('lock_timeout', %(milliseconds)s, true);

-- ======================================================================
-- Copy and compare
-- ======================================================================

-- tables_to_copy: tables of this node that want their first load
select * from tailrace.tables_to_copy(%(queue)s);

-- drop_stale_pins: let go of events kept for copies that no longer want them
select tailrace.drop_stale_pins(%(queue)s);

-- source_state: position of this node and state of a table of it
select * from tailrace.source_state(%(queue)s, %(table)s);

-- share_lock_sql: statement that locks tables before a snapshot reads them
select tailrace.share_lock_sql(%(tables)s);

-- lock_ticks: keep everybody from making ticks until the end of the transaction
lock table pgq.tick in share row exclusive mode;

-- take_snapshot: open the snapshot of a repeatable-read transaction and tell what it is
select txid_current_snapshot()::text;

-- end_if_silent: a transaction that holds what others wait for ends with its session when its program
-- says nothing for so long, because it is frozen, for one
select set_config('idle_in_transaction_session_timeout', %(within)s, true);

-- snapshot_tick: make a tick that is exactly the snapshot of another transaction
select tailrace.snapshot_tick(%(queue)s, %(snapshot)s);

-- begin_aside: keep the events of a table from here on
select tailrace.begin_aside(%(queue)s, %(table)s);

-- start_copy: note the tick of the rows that are being copied
select tailrace.start_copy(%(queue)s, %(table)s, %(tick)s, %(expected)s);

-- note_copy_progress: show how far a running copy is
select tailrace.note_copy_progress(%(queue)s, %(table)s, %(rows)s, %(bytes)s);

-- finish_copy: the rows are in; last step of their transaction
select tailrace.finish_copy(%(queue)s, %(table)s, %(tick)s, %(rows)s, %(bytes)s);

-- fail_copy: keep what made a copy attempt fail
select tailrace.fail_copy(%(queue)s, %(table)s, %(error)s);

-- copied_columns: columns of a table that hold data of their own, and its key
select tailrace.copied_columns(%(table)s) as columns, tailrace.key_columns(%(table)s) as key;

-- copy_out_sql: statement that sends rows
select tailrace.copy_out_sql(%(table)s, %(columns)s);

-- copy_in_sql: statement that takes rows
select tailrace.copy_in_sql(%(table)s, %(columns)s);

-- empty_table: lock a table against writers and remove its rows
select tailrace.empty_table(%(table)s);

-- analyze_sql: statement that looks at the rows of a table for the planner
select format('analyze %%s', tailrace.table_oid(%(table)s));

-- tables_to_hand_over: copied tables whose tick has been reached
select * from tailrace.tables_to_hand_over(%(queue)s, %(position)s);

-- check_position: lock runner and position, which must be what we think they are
select tailrace.advance(%(queue)s, %(consumer)s, %(epoch)s, %(position)s, %(position)s);

-- begin_hand_over: make a copied table live; how to read what it still lacks
select * from tailrace.begin_hand_over(%(queue)s, %(consumer)s, %(table)s, %(position)s);

-- end_hand_over: let go of the events that were kept for a copy
select tailrace.end_hand_over(%(queue)s, %(table)s);

-- hold: ask the applying consumer to stay where it is
select tailrace.hold(%(queue)s, %(held_for)s, make_interval(secs => %(seconds)s));

-- held_position: position of the applying consumer when no batch is under way
select tailrace.held_position(%(queue)s);

-- hold_until: let a held consumer go up to a tick; renew the hold; see how far it is
select * from tailrace.hold_until(%(hold)s, %(tick)s, make_interval(secs => %(seconds)s));

-- release_hold: let a held consumer go on
select tailrace.release_hold(%(hold)s);

-- comparable_tables: replicated tables of this node and their columns
select * from tailrace.comparable_tables(%(queue)s);

-- merged_tables: tables of a leaf that hold other rows than its queue's, or get them another way
select i.table_name, n.combined_queue
from tailrace.table_info as i
join pgq_node.node_info as n on n.queue_name = i.queue_name
join pgq_node.node_info as c on c.queue_name = n.combined_queue
where i.queue_name = %(queue)s
    and (c.node_type = 'branch'
        or tailrace.other_parts(i.queue_name, i.table_name) is not null);

-- checksum_sql: statement that counts and hashes the rows of a table
select tailrace.checksum_sql(%(table)s, %(columns)s);

-- node_and_provider: this node, its provider, and where the provider is
select node_name, node_type, provider_node, provider_location
from pgq_node.get_node_info(%(queue)s)
where ret_code < 300;

-- node_location: where a node of the set is
select node_location
from pgq_node.node_location
where queue_name = %(queue)s and node_name = %(node)s;

-- ======================================================================
-- Positions, mirror, ticker, maintenance
-- ======================================================================

-- nodes_served: the nodes of this database and the consumers that run in it
select n.queue_name, n.node_name, n.node_type, n.worker_name,
    (select c.node_type from pgq_node.node_info as c where c.queue_name = n.combined_queue)
        as combined_type,
    exists (
        select 1 from pgq_node.local_state as s
        where s.queue_name = n.queue_name and s.consumer_name = n.node_name || '.apply'
    ) as applies,
    array(
        select j.consumer_name from tailrace.job as j
        where j.queue_name = n.queue_name and j.kind = 'sql'
        order by j.consumer_name
    ) as sql_jobs,
    array(
        select j.consumer_name from tailrace.job as j
        where j.queue_name = n.queue_name and j.kind = 'export'
        order by j.consumer_name
    ) as exports,
    array(
        select j.consumer_name from tailrace.job as j
        where j.queue_name = n.queue_name and j.kind = 'import'
        order by j.consumer_name
    ) as imports,
    exists (select 1 from tailrace.job_leaving as l where l.queue_name = n.queue_name) as has_leaving,
    exists (
        select 1 from tailrace.job as j
        join pgq_node.local_state as s
            on s.queue_name = j.queue_name and s.consumer_name = j.consumer_name
        where j.queue_name = n.queue_name and not s.paused
            and (j.drain_since is not null or j.wanted <> 'running')
    ) as has_stopping
from pgq_node.node_info as n
order by n.queue_name;

-- take_over: become the only runner that may have effects for a consumer
select tailrace.take_over(%(queue)s, %(consumer)s, %(runner)s);

-- refresh_consumer: read what a consumer has to know before a batch, and acknowledge it
select * from tailrace.refresh_consumer(%(queue)s, %(consumer)s, %(healthy)s);

-- begin_batch: move a position in the transaction of its effect; what copies want of the batch
select * from tailrace.begin_batch(
    %(queue)s, %(consumer)s, %(epoch)s, %(from_tick)s, %(to_tick)s, %(lazily)s);

-- record_error: show in status why a consumer does not get on, unless another runner has it now
select e.ret_code
from tailrace.runner as r
cross join lateral pgq_node.set_consumer_error(%(queue)s, %(consumer)s, %(error)s) as e
where r.queue_name = %(queue)s and r.consumer_name = %(consumer)s and r.epoch = %(epoch)s;

-- next_reading: what to read next, and the rows where they are few
select to_tick, newest_tick, complete, to_time, 0 as segment, kind, marked, event_type, table_name, relation_id, row_count,
    first_id, last_id, event_data, event_extra2, event_extra4
from tailrace.next_reading(
    %(queue)s, %(consumer)s, %(position)s, %(max_events)s::integer, %(stop_tick)s::bigint,
    %(apply)s::text[], %(aside)s::text[]);

-- finish_range: let the queue forget what is done
select tailrace.finish_range(%(queue)s, %(consumer)s, %(tick)s);

-- pending_ticks: the ticks a mirror has to make next
select prev_tick, tick_id, tick_time, event_seq, copy_sql, events::text
from tailrace.pending_ticks(%(queue)s, %(consumer)s, %(position)s, %(limit)s, %(at_once)s);

-- mirror_begin: move the mirror's position; the table and the statement that take the events
select * from tailrace.mirror_begin(%(queue)s, %(consumer)s, %(epoch)s, %(from_tick)s, %(to_tick)s);

-- mirror_events: act on the cascade's own events among those copied
select * from tailrace.mirror_events(%(queue)s, %(event_table)s);

-- mirror_write: position and events of a small tick, in one transaction
select * from tailrace.mirror_write(
    %(queue)s, %(consumer)s, %(epoch)s, %(from_tick)s, %(to_tick)s, %(events)s::pgq.event_template[]);

-- mirror_tick: make a tick after its events have been committed
select tailrace.mirror_tick(
    %(queue)s, %(tick)s, %(tick_time)s, %(event_seq)s, %(last_event)s::bigint);

-- mirror_empty: position and tick of a batch without events, in one transaction
select tailrace.mirror_empty(
    %(queue)s, %(consumer)s, %(epoch)s, %(from_tick)s, %(to_tick)s, %(tick_time)s, %(event_seq)s);

-- tick_at: one tick of the provider; no row: it is gone
select t.tick_id, t.tick_time, t.tick_event_seq
from pgq.tick as t
join pgq.queue as q on q.queue_id = t.tick_queue
where q.queue_name = %(queue)s and t.tick_id = %(tick)s;

-- last_ticks: the last two ticks that a branch has made up to its position
select t.tick_id, t.tick_time
from pgq.tick as t
join pgq.queue as q on q.queue_id = t.tick_queue
where q.queue_name = %(queue)s and t.tick_id <= %(position)s
order by t.tick_id desc
limit 2;

-- ticks_among: those of some ticks that the provider has; none for who is not registered there
select t.tick_id, t.tick_time
from pgq.tick as t
join pgq.queue as q on q.queue_id = t.tick_queue
where q.queue_name = %(queue)s and t.tick_id = any (%(ticks)s) and exists (
    select 1
    from pgq.subscription as s
    join pgq.consumer as c on c.co_id = s.sub_consumer
    where s.sub_queue = q.queue_id and c.co_name = %(consumer)s);

-- ensure_apply: give the branch its applying consumer, or take it away
select tailrace.ensure_apply(%(queue)s);

-- cascade_event: do what an event of the cascade itself asks for
select tailrace.cascade_event(
    %(queue)s, %(ev_id)s, %(type)s, %(data)s, %(extra1)s, %(extra2)s, %(extra3)s);

-- watermarks: how far everybody is as this node knows it
select node_name, local_watermark, global_watermark
from pgq_node.get_node_info(%(queue)s)
where ret_code < 300;

-- set_subscriber_watermark: tell the provider how far this node and all below it are
select ret_code, ret_note
from pgq_node.set_subscriber_watermark(%(queue)s, %(node)s, %(tick)s);

-- set_global_watermark: on the root publish it (NULL: the local one); on a branch store it
select ret_code, ret_note from pgq_node.set_global_watermark(%(queue)s, %(tick)s::bigint);

-- run_ticker: tick all queues of the database for a while, waiting in the server
call tailrace.run_ticker(
    make_interval(secs => %(period)s), make_interval(secs => %(duration)s), null, null, null,
    %(pause)s);

-- covering_tick: the tick at which everything committed so far is done
select tailrace.covering_tick(%(queue)s);

-- maint_statements: the maintenance that is due
select statement from tailrace.maint_statements() as statement;

-- rotations_due: the part of it that rotates event tables
select statement from tailrace.maint_statements() as statement
where statement like 'select pgq.maint_rotate_tables%';

-- next_rotation: seconds until a queue wants to be rotated; one that a consumer keeps from it waits
select extract(epoch from min(case
    when queue_switch_time + queue_rotation_period > clock_timestamp()
    then queue_switch_time + queue_rotation_period - clock_timestamp()
    else queue_rotation_period / 10
end))::float8 as seconds
from pgq.queue;

-- move_retries: bring events that were sent back for later into their queues again
select pgq.maint_retry_events();

-- refresh_captures: follow what has been done to captured tables; in how many something has changed
select q.queue_name, tailrace.refresh_capture(q.queue_name) as changed
from (
    select distinct i.queue_name
    from tailrace.table_info as i
    join pgq_node.node_info as n using (queue_name)
    where n.node_type in ('root', 'branch')
) as q;

-- drop_expired_holds: forget holds whose owner has died
delete from tailrace.hold where expires_at < clock_timestamp();

-- unfinished: what the consumers of this database still have to do up to a tick
select s.consumer_name, s.last_tick_id, s.paused, s.cur_error
from pgq_node.local_state as s
join pgq_node.node_info as n using (queue_name)
where s.queue_name = %(queue)s
    and (n.node_type <> 'root' or s.consumer_name <> n.worker_name)
    and s.consumer_name not like '.savepoint.%%'
    and s.last_tick_id < %(tick)s
    -- what tailrace run runs: programs are somebody else's, and a stopped SQL job is nobody's
    and not exists (
        select 1 from tailrace.job as j
        where j.queue_name = s.queue_name and j.consumer_name = s.consumer_name
            and (j.kind in ('consumer', 'import') or j.kind in ('sql', 'export') and s.paused));

-- lacks_apply: whether a branch has tables and nobody yet who applies to them
select exists (select 1 from tailrace.table_info where queue_name = %(queue)s)
    and not exists (
        select 1 from pgq_node.local_state as s
        join pgq_node.node_info as n using (queue_name)
        where s.queue_name = %(queue)s and s.consumer_name = n.node_name || '.apply');

-- tables_in_copy: tables of this node that are not live yet
select table_name, state, copy_error
from tailrace.table_info
where queue_name = %(queue)s and state <> 'live';

-- ======================================================================
-- Reading and applying
-- ======================================================================

-- reading_plan: how a range of events is fetched, part by part
select * from tailrace.reading_plan(
    %(queue)s, %(consumer)s, %(from_tick)s, %(to_tick)s, %(source)s, %(apply)s, %(aside)s,
    %(passing)s::jsonb);

-- narrow_reading_plan: the same for a few events of one table
select * from tailrace.reading_plan(
    %(queue)s, %(consumer)s, %(from_tick)s, %(to_tick)s,
    tailrace.narrow_sql(
        coalesce(%(source)s, tailrace.range_sql(%(queue)s, %(consumer)s, %(from_tick)s, %(to_tick)s)),
        %(table)s, %(relation_id)s, %(after)s, %(until)s),
    %(apply)s, %(aside)s);

-- local_tables: states of the replicated tables; shapes of some
select * from tailrace.local_tables(%(queue)s, %(tables)s);

-- passing: which row events of a merged leaf do not go on, or under another name
select tailrace.passing(%(queue)s)::text;

-- begin_passing: statement that takes the events that go on into the combined queue
select tailrace.begin_passing(%(queue)s, %(relations)s::jsonb);

-- send_position: tell the readers of the combined queue how far this one is in it
select tailrace.send_position(%(queue)s, %(tick)s);

-- other_parts: other queues whose rows come into the same table
select tailrace.other_parts(%(queue)s, %(table)s);

-- behind_range: what a leaf on a combined branch may look at
select * from tailrace.behind_range(
    %(queue)s, %(consumer)s, %(done)s::bigint, %(position)s, %(max_events)s);

-- cascade_events: the cascade's own events of a range
select * from tailrace.cascade_events(%(queue)s, %(consumer)s, %(from_tick)s, %(to_tick)s);

-- check_runner: keep others from taking the consumer over until the transaction ends
select tailrace.check_runner(%(queue)s, %(consumer)s, %(epoch)s);

-- begin_load: make room for the rows of a copy; the table that takes them
select tailrace.begin_load(%(queue)s, %(table)s);

-- end_load: bring rows that were copied beside their table into it
select tailrace.end_load(%(queue)s, %(table)s);

-- merge_group: the queues that are merged here into the same queue as this one
select * from tailrace.merge_group(%(queue)s);

-- add_merged: make a table part of one queue that is merged here, or of all
select * from tailrace.add_merged(
    %(queue)s, %(table)s, %(dest)s, %(merge_all)s, %(no_merge)s);

-- apply_plan: statements that bring rows of one descriptor into a local table
select tailrace.apply_plan(%(table)s, %(relation_id)s)::text;

-- has_staging_table: whether this session still has a staging table
select pg_catalog.to_regclass('pg_temp.' || %(name)s) is not null;

-- apply_staged: take staged rows into their table
select * from tailrace.apply_staged(%(plan)s::jsonb, %(kind)s, %(written)s, %(deleted)s);

-- take_aside: store row events of tables that are being copied
copy tailrace.set_aside from stdin;

-- note_missed: count updates and deletes that met no row
update tailrace.table_info
set missed_updates = missed_updates + %(updates)s, missed_deletes = missed_deletes + %(deletes)s
where queue_name = %(queue)s and table_name = %(table)s;

-- ======================================================================
-- Changing providers and taking nodes over
-- ======================================================================

-- node_facts: what a step has to know of this node
select tailrace.node_facts(%(queue)s);

-- end_with_client: a statement that still runs ends soon after the command that sent it has died
select set_config('client_connection_check_interval', '500ms', false);

-- has_tick: whether a tick of the queue is kept here
select exists (
    select 1 from pgq.tick as t
    join pgq.queue as q on q.queue_id = t.tick_queue
    where q.queue_name = %(queue)s and t.tick_id = %(tick)s);

-- change_provider: tell a consumer to read from another node
select * from pgq_node.change_consumer_provider(%(queue)s, %(consumer)s, %(provider)s);

-- subscribe_at: let a node read from this one, its worker from the given tick on
select * from pgq_node.register_subscriber(%(queue)s, %(node)s, %(worker)s, %(tick)s);

-- last_event: id of the queue's newest event, or a later one
select pgq.seq_getval(q.queue_event_seq) from pgq.queue as q where q.queue_name = %(queue)s;

-- know_member: note that a node has been made known here directly, as of this event of the root
select tailrace.know_member(%(queue)s, %(node)s, %(event_id)s);

-- known_since: the last event of the root when a node was created; NULL: not known
select (select m.event_id from tailrace.member as m
    where m.queue_name = %(queue)s and m.node_name = %(node)s);

-- register_at: let a consumer read from this node's queue, from the given tick on
select pgq.register_consumer_at(%(queue)s, %(consumer)s, %(tick)s);

-- unregister: a consumer does not read from this node's queue any more
select pgq.unregister_consumer(%(queue)s, %(consumer)s);

-- forget_position: forget a consumer that wrote into this node
select * from pgq_node.unregister_consumer(%(queue)s, %(consumer)s);

-- lower_report: take back what a node has told of its watermark, when others who are behind read from it
select tailrace.lower_report(%(queue)s, %(node)s, %(tick)s);

-- mark_dead: say here that a node is lost
select * from pgq_node.register_location(%(queue)s, %(node)s, null, true);

-- ask_acknowledgement: let a consumer say once more that it has seen its settings
select * from pgq_node.set_consumer_uptodate(%(queue)s, %(consumer)s, false);

-- open_writers: whose transactions may have written into the queue and have not ended
select pid, application_name, seconds from tailrace.open_writers(%(queue)s);

-- demote: one of the three steps that make a root a branch
select * from pgq_node.demote_root(%(queue)s, %(step)s, %(provider)s);

-- reopen_root: take the first two of them back
select * from tailrace.reopen_root(%(queue)s);

-- keep_closed: whether the root is closed, which it then stays to the end of the transaction
select q.queue_disable_insert and q.queue_external_ticker
from pgq_node.node_info as n
join pgq.queue as q on q.queue_name = n.queue_name
where n.queue_name = %(queue)s and n.node_type = 'root'
for no key update of n, q;

-- complete_ticks: make the tick that a mirror left out when it died
select tailrace.complete_ticks(%(queue)s);

-- promote: make this branch the root, and register the old root here, or bookmark it if it is lost
select * from tailrace.promote(
    %(queue)s, %(dead_root)s, %(anyway)s, %(old_root)s, %(old_worker)s);

-- nudge: wake whoever listens here for ticks of the queue, so that it looks at its settings
select pg_notify('tailrace_tick', %(queue)s);

-- ======================================================================
-- Jobs
-- ======================================================================

-- jobs: the jobs of this database, newest first
select job_id, job_name, status, start_time, end_time, engine, kind, node, lag, position, duration,
    statement, error
from tailrace.jobs
order by start_time desc, job_name;

-- find_job: the job that is meant by a name, an id or its beginning
select j.job_id, j.job_name, j.status, j.start_time, j.end_time, j.engine, j.kind, j.node, j.lag, j.position,
    j.duration, j.statement, j.error
from tailrace.find_job(%(job)s) as f
join tailrace.jobs as j on j.job_id = f.job_id;

-- job_details: what DESCRIBE JOB shows beyond that
select j.queue_name as queue, j.consumer_name as consumer, s.provider_node as provider,
    r.runner_name as runner, j.created_at as created, j.wanted, j.drain_tick, j.settings, j.restored_from
from tailrace.job as j
join pgq_node.local_state as s on s.queue_name = j.queue_name and s.consumer_name = j.consumer_name
left join tailrace.runner as r on r.queue_name = j.queue_name and r.consumer_name = j.consumer_name
where j.job_id = %(job_id)s;

-- job_lock: the lock that the runner of a job holds
select 'consumer ' || queue_name || ' ' || consumer_name from tailrace.job where job_id = %(job_id)s;

-- tick_age: seconds since a tick of this database's queue was made
select extract(epoch from pg_catalog.clock_timestamp() - t.tick_time)::float8
from pgq.tick as t
join pgq.queue as q on q.queue_id = t.tick_queue
where q.queue_name = %(queue)s and t.tick_id = %(tick)s;

-- request_stop_job: ask a job to stop
select * from tailrace.request_stop_job(%(job)s, %(savepoint)s, %(drain)s, %(directory)s::text);

-- request_start_job: ask a job to go on, or to start from a savepoint
select * from tailrace.request_start_job(%(job)s, %(path)s::text, %(claim)s);

-- start_progress: whether a job that was started has been taken by a runner
select tailrace.start_progress(%(job_id)s);

-- drain_to: say up to which tick a job drains; NULL: it does not any more
select tailrace.drain_to(%(job_id)s, %(tick)s::bigint);

-- settle_job: do what is due for a job that is to stop, and say what it waits for
select tailrace.settle_job(%(job_id)s);

-- drop_job: forget a job that has ended
select tailrace.drop_job(%(job)s);

-- stopping_jobs: jobs of a queue that are asked to stop and have not
select j.job_id, j.job_name,
    j.drain_since is not null and j.drain_tick is null and j.kind <> 'import'
        and not (n.node_type = 'root' and j.kind = 'worker') as asks_root
from tailrace.job as j
join pgq_node.node_info as n on n.queue_name = j.queue_name
join pgq_node.local_state as s on s.queue_name = j.queue_name and s.consumer_name = j.consumer_name
where j.queue_name = %(queue)s and not s.paused
    and (j.drain_since is not null or j.wanted <> 'running');

-- lineage: what flows where in this database
select from_kind, from_node, from_name, to_kind, to_node, to_name, job_id, tables, columns, state
from tailrace.lineage;

-- lineage_statements: what SQL jobs run, and the relations that they name with their columns
select j.job_id, j.statement, r.relation, r.is_changes, coalesce(r.table_name, r.relation) as origin,
    array(
        select a.attname::text from pg_catalog.pg_attribute as a
        where a.attrelid = tailrace.table_oid(r.relation) and a.attnum > 0 and not a.attisdropped
        order by a.attnum) as columns
from tailrace.job as j
join tailrace.job_relation as r on r.job_id = j.job_id
where j.kind = 'sql' and j.statement is not null
order by j.job_id;

-- lineage_nodes: the nodes of this database
select queue_name, node_name from pgq_node.node_info;

-- ======================================================================
-- Programs that produce and consume
-- ======================================================================

-- insert_event: put an event into a queue; the transaction is the caller's
select pgq.insert_event(
    %(queue)s, %(type)s, %(data)s, %(extra1)s, %(extra2)s, %(extra3)s, %(extra4)s) as event_id;

-- insert_events: put many events into a queue, in their order
select e as event_id
from tailrace.insert_events(
    %(queue)s, %(types)s::text[], %(data)s::text[], %(extra1)s::text[], %(extra2)s::text[],
    %(extra3)s::text[], %(extra4)s::text[]) as e;

-- add_consumer: make a job of a program that consumes a queue, or find it
select * from tailrace.add_consumer(%(queue)s, %(name)s);

-- register_reader: let a consumer read this node's queue from now on, unless it does already
select pgq.register_consumer(%(queue)s, %(consumer)s);

-- next_range: which ticks a program reads next
select to_tick, to_tick_time
from tailrace.next_range(%(queue)s, %(consumer)s, %(position)s, %(max_events)s::integer, null);

-- place_consumer: tell a leaf at which tick a consumer begins
select tailrace.place_consumer(%(queue)s, %(consumer)s, %(provider)s, %(tick)s);

-- advance: move a consumer's position in the transaction of its effect
select tailrace.advance(%(queue)s, %(consumer)s, %(epoch)s, %(from_tick)s, %(to_tick)s);

-- range_sql: text of the query for the events between two ticks, in their order
select tailrace.range_sql(%(queue)s, %(consumer)s, %(from_tick)s, %(to_tick)s) || ' order by ev_id';

-- relations: some relation descriptors
select relation_id, table_name, column_names, key_columns
from tailrace.relation
where relation_id = any (%(ids)s::text[]);

-- ======================================================================
-- Savepoints
-- ======================================================================

-- savepoints: those of this database, newest first
select savepoint_path, job_id, position, created, size, pinned_events, ownership, job_name, queue, node,
    absent_tables, host, held_by, error
from tailrace.savepoints;

-- request_savepoint: ask for a savepoint of a job
select * from tailrace.request_savepoint(%(job)s, %(directory)s::text);

-- savepoint_progress: what a savepoint waits for that was asked for; NULL: it is complete
select tailrace.savepoint_progress(%(path)s);

-- withdraw_savepoint: nobody wants a savepoint any more that has not been begun
delete from tailrace.savepoint where path = %(path)s and state = 'requested';

-- savepoint_paths: all paths that were ever handed out here and not given up
select path from tailrace.savepoint;

-- drop_problem: what is in the way of a savepoint that is being removed
select error from tailrace.savepoint where savepoint_id = %(savepoint_id)s;

-- moment_ago: the moment that was so long ago
select pg_catalog.clock_timestamp() - %(age)s::interval;

-- last_finished: when a consumer of this database's queue has last finished a batch, an import a file
select pg_catalog.clock_timestamp() - i.last_seen as finished
from pgq.queue as q
cross join lateral pgq.get_consumer_info(q.queue_name, %(consumer)s) as i
where q.queue_name = %(queue)s
union all
select max(f.loaded_at)
from tailrace.import_file as f
join tailrace.job as j on j.job_id = f.job_id
where j.queue_name = %(queue)s and j.consumer_name = %(consumer)s
having count(*) > 0;

-- is_paused: whether the consumer of a job is asked to pause
select s.paused
from tailrace.job as j
join pgq_node.local_state as s on s.queue_name = j.queue_name and s.consumer_name = j.consumer_name
where j.job_id = %(job_id)s;

-- savepoint_work: what a runner, or whoever waits, has to do for savepoints
select savepoint_id, what from tailrace.savepoint_work(%(runner)s::text);

-- pending_savepoint: a job of a queue that is to start from a savepoint, or get one; NULL: none
select 'job ' || j.job_name || ': is to start from savepoint ' || r.path
from tailrace.restore as r
join tailrace.job as j on j.job_id = r.job_id
where j.queue_name = %(queue)s and r.state <> 'failed'
union all
select 'savepoint ' || s.path || ': is to be written'
from tailrace.savepoint as s
where s.queue_name = %(queue)s and s.state in ('requested', 'writing')
limit 1;

-- wanted_savepoint: a savepoint that is to be written
select savepoint_id, path, job_id, job_name, kind, queue_name, node_name, consumer_name, attempts
from tailrace.savepoint
where savepoint_id = %(savepoint_id)s and state in ('requested', 'writing');

-- known_savepoint: the savepoint at a path, or with an id
select savepoint_id, path, job_id, job_name, queue_name, state, tick_id, host, absent_tables
from tailrace.savepoint
where path = %(path)s or savepoint_id = %(savepoint_id)s;

-- pin_savepoint: first step of writing a savepoint: its events are held
select * from tailrace.pin_savepoint(%(savepoint_id)s);

-- savepoint_content: what a savepoint holds, seen in its snapshot
select tick_id, table_name, local_table, state, expected
from tailrace.savepoint_content(%(savepoint_id)s);

-- table_columns: columns of a table that hold data of their own, with their types, and its key
select pg_catalog.array_agg(a.attname::text order by a.attnum) as names,
    pg_catalog.array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) order by a.attnum) as types,
    tailrace.key_columns(%(table)s) as key
from pg_catalog.pg_attribute as a
where a.attrelid = tailrace.table_oid(%(table)s)
    and a.attnum > 0 and not a.attisdropped and a.attgenerated = '';

-- export_snapshot: let other connections see what this transaction sees
select pg_catalog.pg_export_snapshot();

-- import_snapshot: the statement that makes a transaction see what another one sees
select pg_catalog.format('set transaction snapshot %%L', %(snapshot)s::text);

-- saved_job: what else of a job stands in its savepoint
select statement, settings from tailrace.job where job_id = %(job_id)s;

-- unregister_if_there: let go of a pin here; the queue may be gone
select pgq.unregister_consumer(q.queue_name, %(consumer)s)
from pgq.queue as q
where q.queue_name = %(queue)s;

-- has_runner: whether tailrace run serves this database; a program that consumes does only that
-- Whose name we may not see counts as one.
select exists (
    select 1
    from tailrace.live_runners() as l
    join pg_catalog.pg_locks as k on k.locktype = 'advisory' and k.classid = 7461 and k.objsubid = 2
        and k.objid::bigint = l.runner + case when l.runner < 0 then 4294967296 else 0 end
    join pg_catalog.pg_stat_activity as a on a.pid = k.pid and a.datname = pg_catalog.current_database()
    where coalesce(a.application_name, 'tailrace:run') = 'tailrace:run');

-- move_pin: what lies before the tick of a savepoint needs not be held
select tailrace.move_pin(%(savepoint_id)s, %(tick)s);

-- note_savepoint_progress: show how far a savepoint is
update tailrace.savepoint set done_rows = %(rows)s, expected_rows = %(expected)s
where savepoint_id = %(savepoint_id)s and state = 'writing';

-- complete_savepoint: the files are where they belong
select tailrace.complete_savepoint(
    %(savepoint_id)s, %(tick)s, %(rows)s, %(bytes)s, %(absent)s::text[], %(host)s::text);

-- fail_savepoint: give a savepoint up that cannot be written
select tailrace.fail_savepoint(%(savepoint_id)s, %(error)s);

-- request_drop_savepoint: ask for a savepoint to be removed
select savepoint_id from tailrace.request_drop_savepoint(%(path)s);

-- release_pin: let go of the events of a savepoint here, or say who else holds them
select provider_node, provider_location from tailrace.release_pin(%(queue)s, %(savepoint_id)s);

-- forget_savepoint: nothing of a savepoint is left
delete from tailrace.savepoint where savepoint_id = %(savepoint_id)s and state in ('dropping', 'failed');

-- note_drop_problem: why a savepoint cannot be removed now
update tailrace.savepoint set error = %(error)s
where savepoint_id = %(savepoint_id)s and state = 'dropping' and error is distinct from %(error)s;

-- pins_held: what this database's queues hold for savepoints
select i.consumer_name, i.pending_events
from pgq.get_consumer_info() as i
where i.consumer_name like '.savepoint.%%';

-- kept_savepoints: complete savepoints of this database and what tells whether one may go, newest first
select s.savepoint_id, s.path, s.job_id, s.state, s.host, s.lost, s.completed_at,
    extract(epoch from pg_catalog.clock_timestamp() - s.completed_at)::float8 as age,
    s.claimed_by,
    s.state = 'claimed' and exists (
        select 1 from tailrace.savepoint as n
        where n.job_id = s.claimed_by and n.state = 'completed' and n.completed_at > s.completed_at) as replaced,
    case when exists (
        select 1 from pgq_node.local_state as p
        where p.queue_name = s.queue_name and p.consumer_name = '.savepoint.' || s.savepoint_id
            and p.last_tick_id <> s.tick_id) then s.queue_name end as displaced_in
from tailrace.savepoint as s
where s.state in ('completed', 'claimed')
order by s.completed_at desc, s.path;

-- give_up_claimed: a job lets go of the savepoint that it has a newer one for
update tailrace.savepoint set state = 'dropping'
where savepoint_id = %(savepoint_id)s and state = 'claimed';

-- note_lost: whether the files of a savepoint were found
update tailrace.savepoint set lost = %(lost)s
where savepoint_id = %(savepoint_id)s and lost is distinct from %(lost)s;

-- drop_failed: forget wishes that could not be fulfilled, after a day
delete from tailrace.savepoint
where state = 'failed' and completed_at < pg_catalog.clock_timestamp() - interval '1 day';

-- savepoint_places: directories in which savepoints of this database are, and queues that it knows
select array(select distinct pg_catalog.regexp_replace(s.path, '/[^/]*$', '') from tailrace.savepoint as s) as directories,
    pg_catalog.current_setting('state.savepoints.dir', true) as setting,
    array(select n.queue_name from pgq_node.node_info as n) as queues;

-- restore_intent: what the job of a consumer is to be started from
select * from tailrace.restore_intent(%(queue)s, %(consumer)s);

-- go_back: let a consumer of this database's queue go back to a tick, if all after it is kept
select tailrace.held_tick(%(queue)s, %(consumer)s, %(tick)s, %(what)s);

-- be_replica: keep triggers and foreign keys from firing for the rest of the transaction
select pg_catalog.set_config('session_replication_role', 'replica', true);

-- be_origin: let triggers and foreign keys fire for the rest of the transaction
select case when pg_catalog.current_setting('session_replication_role') <> 'origin'
    then pg_catalog.set_config('session_replication_role', 'origin', true) end;

-- begin_restore: begin to bring the rows of a savepoint in
select table_name, local_table
from tailrace.begin_restore(%(queue)s, %(consumer)s, %(epoch)s, %(job_id)s, %(tables)s::text[]);

-- in_key_order: the order in which tables can be filled while foreign keys are checked
select name from tailrace.in_key_order(%(tables)s::text[]) as name;

-- load_plan: how rows of an older shape come into a table of today's
select * from tailrace.load_plan(%(table)s, %(columns)s::text[], %(types)s::text[], %(key)s::text[]);

-- end_restore: the position is the savepoint's
select tailrace.end_restore(%(queue)s, %(consumer)s, %(job_id)s, %(tick)s, %(tables)s::text[]);

-- close_restore: let a job go on that has been started from a savepoint
select tailrace.close_restore(%(job_id)s);

-- fail_restore: a job cannot be started from its savepoint
update tailrace.restore set state = 'failed', error = %(error)s
where job_id = %(job_id)s and state = 'requested';

-- adopt_savepoint: write down a savepoint that was found by its files alone
select tailrace.adopt_savepoint(
    %(path)s, %(job_id)s, %(tick)s, %(rows)s, %(bytes)s, %(host)s::text);

-- seed_table: a table that was loaded from a savepoint needs no copy
update tailrace.table_info
set state = %(state)s, copy_tick = %(tick)s, aside_tick = %(aside)s,
    live_at = case when %(state)s = 'live' then pg_catalog.clock_timestamp() end
where queue_name = %(queue)s and table_name = %(table)s;

-- ======================================================================
-- Statements
-- ======================================================================

-- progress_of: how far the statement of a session is, as far as PostgreSQL tells, or what it waits for
select told from (
    select pid, 1 as turn, pg_catalog.format('%%s of %%s, %%s: %%s of %%s blocks', lower(command), relid::regclass,
        phase, blocks_done, blocks_total) as told
    from pg_catalog.pg_stat_progress_create_index
    union all
    select pid, 1, pg_catalog.format('%%s of %%s: %%s rows', lower(command), relid::regclass, tuples_processed)
    from pg_catalog.pg_stat_progress_copy
    union all
    select pid, 1, pg_catalog.format('vacuum of %%s, %%s: %%s of %%s blocks', relid::regclass, phase,
        heap_blks_scanned, heap_blks_total)
    from pg_catalog.pg_stat_progress_vacuum
    union all
    select pid, 1, pg_catalog.format('analyze of %%s, %%s: %%s of %%s blocks', relid::regclass, phase,
        sample_blks_scanned, sample_blks_total)
    from pg_catalog.pg_stat_progress_analyze
    union all
    select pid, 1, pg_catalog.format('%%s of %%s, %%s: %%s of %%s blocks', lower(command), relid::regclass, phase,
        heap_blks_scanned, heap_blks_total)
    from pg_catalog.pg_stat_progress_cluster
    union all
    select w.pid, 0, pg_catalog.format('waiting for a lock of process %%s%%s', a.pid,
        coalesce(' (' || nullif(a.application_name, '') || ')', ''))
    from (select %(pid)s::integer as pid) as w
    cross join pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) as b (pid)
    join pg_catalog.pg_stat_activity as a on a.pid = b.pid
) as p
where p.pid = %(pid)s::integer
order by p.turn
limit 1;

-- show_queues: the queues of this database
select q.queue_name, n.node_name, n.node_type, q.last_tick_id, q.ticker_lag,
    pg_catalog.round(q.ev_per_sec::numeric, 1), q.ev_new,
    (select pg_catalog.count(*) from pgq.subscription as s
        join pgq.queue as k on k.queue_id = s.sub_queue
        where k.queue_name = q.queue_name)
from pgq.get_queue_info() as q
left join pgq_node.node_info as n on n.queue_name = q.queue_name
order by q.queue_name;

-- has_queue: whether this database holds a queue
select exists (select 1 from pgq.queue where queue_name = %(queue)s);

-- show_consumers: who reads the queues of this database
select c.queue_name, c.consumer_name, c.lag, c.last_seen, c.last_tick, c.current_batch, c.pending_events
from pgq.get_consumer_info(%(queue)s::text, null::text) as c
order by c.queue_name, c.consumer_name;

-- ======================================================================
-- SQL jobs
-- ======================================================================

-- changes_plan: how the changes of a range of events are fetched, part by part
select * from tailrace.changes_plan(
    %(queue)s, %(consumer)s, %(from_tick)s, %(to_tick)s, %(tables)s, %(marked)s);

-- next_ticks: which ticks a SQL job reads next
select * from tailrace.next_range(
    %(queue)s, %(consumer)s, %(position)s, %(max_events)s::integer, %(stop_tick)s::bigint);

-- limit_settings: what names without a schema and hours mean until the end of the transaction
select pg_catalog.set_config('search_path', %(schemas)s, true) as search_path,
    pg_catalog.set_config('TimeZone', %(time_zone)s, true) as time_zone;

-- act_as: have the rights of a role, and no others, until the end of the transaction
select pg_catalog.set_config('role', %(role)s, true);

-- job_relation_named: what a name in the statement of a job means
select * from tailrace.job_relation_named(%(schema)s, %(name)s, %(queue)s);

-- volatile_functions: which of some functions return something else each time
select tailrace.volatile_functions(%(names)s::jsonb) as place;

-- key_columns: the columns of a table by which rows conflict; %(name)s: in that constraint only
select coalesce(array_agg(distinct a.attname::text), '{}')
from pg_catalog.pg_index as i
join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = i.indexrelid and d.refobjid = i.indrelid
    or d.classid = 'pg_catalog.pg_constraint'::regclass and d.refobjid = i.indrelid
        and d.objid in (select c.oid from pg_catalog.pg_constraint as c where c.conindid = i.indexrelid)
join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = d.refobjsubid
where i.indrelid = tailrace.table_oid(%(table)s) and (i.indisunique or i.indisexclusion)
    and (%(name)s::text is null or i.indexrelid in (
        select c.conindid from pg_catalog.pg_constraint as c
        where c.conrelid = i.indrelid and c.conname = %(name)s));

-- builtin_aggregates: which of some functions are aggregates of PostgreSQL's own
select (f.place - 1)::integer as place
from unnest(%(names)s::text[]) with ordinality as f (name, place)
where exists (
    select from pg_catalog.pg_proc as p
    where p.proname = f.name and p.prokind = 'a' and p.pronamespace = 'pg_catalog'::regnamespace)
order by f.place;

-- job_writers: which jobs write which tables, and what they read
select j.job_name, w.relation as writes, r.relation as reads
from tailrace.job as j
join tailrace.job_relation as w on w.job_id = j.job_id and w.direction = 'writes'
join tailrace.job_relation as r on r.job_id = j.job_id and r.is_changes;

-- capture_locally: capture a table of this database into that queue
select tailrace.capture_locally(%(table)s);

-- merged_into: the queues whose rows come into tables of this root, each with its name of the table
select p.queue_name, p.table_name
from tailrace.table_info as t
join tailrace.table_info as p on p.dest_table = t.dest_table
join pgq_node.node_info as n on n.queue_name = p.queue_name and n.combined_queue = t.queue_name
where t.queue_name = %(queue)s and t.table_name = any (%(tables)s)
order by p.queue_name, p.table_name;

-- keep_old_images: capture a table of this root with the values of before
select tailrace.keep_old_images(%(queue)s, %(table)s);

-- make_tick: make a tick, whatever the rules say
select tailrace.make_tick(%(queue)s);

-- tick_now: make a tick, unless the queue gets its ticks from elsewhere or was told to have none
select tailrace.make_tick(q.queue_name)
from pgq.queue as q
where q.queue_name = %(queue)s and not q.queue_ticker_paused and not q.queue_external_ticker;

-- add_primary_key_sql: statement that gives a table its key
select pg_catalog.format('alter table %%s add primary key (%%s)',
    tailrace.table_oid(%(table)s),
    (select pg_catalog.string_agg(pg_catalog.quote_ident(c), ', ' order by n)
        from pg_catalog.unnest(%(columns)s::text[]) with ordinality as u (c, n)));

-- add_sql_job: write a SQL job down
select tailrace.add_sql_job(
    %(name)s, %(statement)s, %(settings)s::jsonb, %(schemas)s, %(queue)s, %(snapshot)s,
    %(relations)s::jsonb, %(program)s::jsonb);

-- attach_sql_job: register the consumer of a leaf's job on the provider's queue
select tailrace.attach_sql_job(%(queue)s, %(consumer)s, %(beside)s);

-- begin_sql_job: say from which tick on changes count
select tailrace.begin_sql_job(%(job_id)s, %(tick)s, %(position)s::bigint);

-- sql_job: what the runner of a SQL job has to know
select j.job_id, j.job_name, j.program::text, j.owner, j.schemas, j.start_tick, j.wants_snapshot,
    j.owner is distinct from current_user as is_foreign
from tailrace.job as j
where j.queue_name = %(queue)s and j.consumer_name = %(consumer)s and j.kind = 'sql';

-- export_job: what the runner of a job that writes files has to know
select j.job_id, j.job_name, j.program::text, j.settings::text, j.owner, j.schemas, j.start_tick,
    j.wants_snapshot, j.owner is distinct from current_user as is_foreign
from tailrace.job as j
where j.queue_name = %(queue)s and j.consumer_name = %(consumer)s and j.kind = 'export';

-- export_named: a job that writes files, by its name, its id or the beginning of its id
select j.job_id, j.job_name, j.kind, j.program::text, j.settings::text
from tailrace.find_job(%(job)s) as j;

-- add_export: write a job down that writes files
select tailrace.add_export(
    %(name)s, %(statement)s, %(settings)s::jsonb, %(queue)s, %(snapshot)s, %(relations)s::jsonb,
    %(program)s::jsonb);

-- export_columns: columns of a table as they come into files
select name, flink_type, is_key from tailrace.export_columns(%(relation)s, %(table)s, %(lenient)s);

-- export_sql: statement that writes the changes of a batch as lines
select tailrace.export_sql(
    %(number)s, %(relation)s, %(table)s, %(format)s, %(updates)s, %(lenient)s, %(rows)s);

-- begin_export: begin a batch of a job that writes files; what its tables look like
select * from tailrace.begin_export(
    %(job_id)s, %(queue)s, %(consumer)s, %(epoch)s, %(from_tick)s);

-- note_export: write down which files are about to be seen
select tailrace.note_export(
    %(job_id)s, %(queue)s, %(consumer)s, %(epoch)s, %(from_tick)s, %(to_tick)s, %(files)s::jsonb);

-- finish_export: the files of a batch are there, or it has none
select tailrace.finish_export(
    %(job_id)s, %(queue)s, %(consumer)s, %(epoch)s, %(from_tick)s, %(to_tick)s);

-- open_files: files that may be there or not
select e.table_name, e.from_tick, e.to_tick
from tailrace.export_file as e
where e.job_id = %(job_id)s and e.published_at is null and e.byte_count > 0
order by e.from_tick, e.table_name;

-- export_starts: for each table of a job, the tick of the rows that it began with, and whether any
-- file has been written
select r.table_name, s.to_tick as start_tick, s.published_at is not null as is_filled,
    exists (
        select 1 from tailrace.export_file as e
        where e.job_id = r.job_id and e.table_name = r.table_name and e.published_at is not null
    ) as has_files
from tailrace.job_relation as r
left join tailrace.export_file as s
    on s.job_id = r.job_id and s.table_name = r.table_name and s.from_tick = 0
where r.job_id = %(job_id)s and r.is_changes
order by r.table_name;

-- old_files: files of a table that have been there for longer than they are kept, oldest first
select e.table_name, e.from_tick, e.to_tick
from tailrace.export_file as e
cross join (select tailrace.export_needed_since(%(directory)s) as at) as needed
where e.job_id = %(job_id)s and e.table_name = %(table)s and e.byte_count > 0 and e.removed_at is null
    and e.published_at < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %(seconds)s)
    and (needed.at is null or e.published_at < needed.at)
order by e.published_at
limit %(limit)s;

-- files_removed: files have been removed; that of the first rows is remembered
with gone as (
    delete from tailrace.export_file as e
    where e.job_id = %(job_id)s and e.table_name = %(table)s and e.from_tick = any (%(from_ticks)s)
        and e.from_tick > 0
)
update tailrace.export_file as e set removed_at = pg_catalog.clock_timestamp()
where e.job_id = %(job_id)s and e.table_name = %(table)s and e.from_tick = any (%(from_ticks)s)
    and e.from_tick = 0;

-- change_export: change what may be changed of a job that writes files
update tailrace.job as j
set settings = j.settings || %(settings)s::jsonb, program = j.program || %(program)s::jsonb
where j.job_id = %(job_id)s and j.kind = 'export';

-- sql_job_named: a SQL job by its id
select j.queue_name, j.consumer_name, j.wants_snapshot, j.start_tick, n.node_type, n.worker_name,
    array(
        select r.table_name from tailrace.job_relation as r
        where r.job_id = j.job_id and r.is_changes
        order by r.table_name
    ) as tables
from tailrace.job as j
join pgq_node.node_info as n on n.queue_name = j.queue_name
where j.job_id = %(job_id)s;

-- begin_sql_batch: move the position of a SQL job; what its tables look like
select * from tailrace.begin_sql_batch(
    %(job_id)s, %(queue)s, %(consumer)s, %(epoch)s, %(from_tick)s, %(to_tick)s);

-- skip_to: move the position of a SQL job over changes that do not count yet
select tailrace.advance(%(queue)s, %(consumer)s, %(epoch)s, %(from_tick)s, %(to_tick)s);

-- fill_sql_job: set a SQL job to the tick of the snapshot that it is filled from
select tailrace.fill_sql_job(%(job_id)s, %(queue)s, %(consumer)s, %(epoch)s, %(tick)s);

-- note_job_failure: count a failed attempt; whether it was the last
select tailrace.note_job_failure(%(job_id)s, %(epoch)s, %(error)s, %(final)s);

-- batch_relation: statements that make what changes.<table> means in this session
select * from tailrace.batch_relation(
    %(number)s, %(table)s, %(marked)s, %(rows)s, %(reader)s);

-- batch_copy: statements that take changes of one descriptor into it
select * from tailrace.batch_copy(%(number)s, %(table)s, %(relation_id)s, %(columns)s);

-- forget_sql_job: undo the creation of a job that cannot begin
select tailrace.forget_sql_job(%(job_id)s);

-- upstream_jobs: the jobs whose tables a job reads, those that come first in front
select * from tailrace.upstream_jobs(%(job_id)s);

-- drain_after: before a job is drained, another one has to reach a tick
update tailrace.job as j
set drain_after = coalesce(j.drain_after, '{}')
    || pg_catalog.jsonb_build_object(%(upstream)s::text, %(tick)s::bigint)
where j.job_id = %(job_id)s and j.drain_since is not null;

-- drain_wanted: whether a job is to be drained and nobody has said yet up to which tick
select j.queue_name
from tailrace.job as j
where j.job_id = %(job_id)s and j.drain_since is not null and j.drain_tick is null and j.kind <> 'import';

-- create_import: create a job that loads files into a table
select tailrace.create_import(
    %(name)s, %(source)s, %(table)s, %(format)s, %(key)s::text[], %(columns)s::text[], %(sparse)s,
    pg_catalog.make_interval(secs => %(poll)s::float8),
    pg_catalog.make_interval(secs => %(retention)s::float8));

-- change_import: change an import that is there
select tailrace.change_import(%(job)s, %(changes)s::jsonb);

-- import_job: what the runner of an import has to know
select j.job_id, j.job_name, j.settings::text as settings, j.settings ->> 'from' as source, j.settings ->> 'table' as target,
    j.settings ->> 'format' as format,
    array(select k from jsonb_array_elements_text(j.settings -> 'key') as k) as key,
    j.owner, j.schemas, j.owner is distinct from current_user as is_foreign,
    extract(epoch from (j.settings ->> 'poll')::interval)::float8 as poll,
    extract(epoch from (j.settings ->> 'retention')::interval)::float8 as retention
from tailrace.job as j
where j.queue_name = %(queue)s and j.consumer_name = %(consumer)s and j.kind = 'import';

-- imports_at_work: imports that are wanted running
select j.consumer_name
from tailrace.job as j
join pgq_node.local_state as s on s.queue_name = j.queue_name and s.consumer_name = j.consumer_name
where j.kind = 'import' and not s.paused;

-- import_plan: the statements by which an import loads files
select p.*
from tailrace.job as j
cross join lateral tailrace.import_plan(
    j.settings ->> 'table', j.settings ->> 'format',
    (select array_agg(k) from jsonb_array_elements_text(j.settings -> 'key') as k),
    (select array_agg(k) from jsonb_array_elements_text(j.settings -> 'columns') as k),
    coalesce((j.settings ->> 'sparse')::boolean, false), j.owner) as p
where j.job_id = %(job_id)s;

-- import_wishes: whether an import is to load what is there and end, and how it is set now
select j.drain_since is not null and j.drain_tick is null as drains, j.settings::text as settings
from tailrace.job as j
where j.job_id = %(job_id)s;

-- loaded_files: which of some files an import has loaded
select f.path, f.byte_count, f.version, f.digest
from tailrace.import_file as f
where f.job_id = %(job_id)s and f.path = any (%(paths)s);

-- begin_import: compare and move the position of an import; what its table looks like
select tailrace.begin_import(%(job_id)s, %(epoch)s, %(position)s, %(files)s);

-- note_part: columns that the name of a directory says, for the lines that come next
select pg_catalog.set_config('tailrace.import_part', %(part)s, true);

-- note_lines: which lines part_sql means
select pg_catalog.set_config('tailrace.import_first', %(first)s::text, true) as first,
    pg_catalog.set_config('tailrace.import_last', %(last)s::text, true) as last;

-- last_line: number of the last line that has been taken
select pg_catalog.currval(pg_catalog.pg_get_serial_sequence('pg_temp.tailrace_import_line', 'line'));

-- note_loaded_files: files are loaded, in the transaction of their rows
insert into tailrace.import_file (job_id, path, byte_count, version, digest, line_count)
select %(job_id)s, f.path, f.byte_count, f.version, f.digest, f.line_count
from unnest(%(paths)s::text[], %(bytes)s::bigint[], %(versions)s::text[], %(digests)s::text[], %(lines)s::bigint[])
    as f (path, byte_count, version, digest, line_count);

-- note_version: a loaded file looks otherwise from outside, and is the same
update tailrace.import_file as f
set version = %(version)s
where f.job_id = %(job_id)s and f.path = %(path)s;

-- files_to_remove: loaded files that are old enough
select f.path, f.byte_count, f.version
from tailrace.import_file as f
where f.job_id = %(job_id)s and f.removed_at is null
    and f.loaded_at < clock_timestamp() - pg_catalog.make_interval(secs => %(retention)s::float8)
order by f.loaded_at
limit 1000;

-- note_removed_files: loaded files are gone
select tailrace.note_removed_files(%(job_id)s, %(paths)s);

-- leaving_jobs: what dropped jobs have left registered on other nodes
select l.queue_name, l.consumer_name, l.provider_node, n.node_location
from tailrace.job_leaving as l
left join pgq_node.node_location as n
    on n.queue_name = l.queue_name and n.node_name = l.provider_node and not n.dead;

-- has_left: a dropped job is not registered on that node any more
delete from tailrace.job_leaving as l
where l.queue_name = %(queue)s and l.consumer_name = %(consumer)s and l.provider_node = %(provider)s;

-- drop_batch_relation: remove what changes.<table> means in this session
select tailrace.drop_batch_relation(%(number)s);

-- current_role: whose rights this session has
select current_user::text;

-- ======================================================================
-- Jobs on Flink clusters
-- ======================================================================

-- flink_observe: make the catalogue agree with the cluster, and list its jobs
select job_id, job_name, status, start_time, end_time, engine, kind, node, lag, position, duration,
    statement, error, engine_id, wanted, is_foreign, run_id, restored_from, checkpoint
from tailrace.flink_observe(%(cluster)s, %(runs)s::jsonb, %(age)s);

-- flink_jobs: the jobs of a cluster as they were last seen
select job_id, job_name, status, start_time, end_time, engine, kind, node, lag, position, duration,
    statement, error, engine_id, wanted, is_foreign, run_id, restored_from, checkpoint
from tailrace.flink_jobs
where node = %(cluster)s
order by start_time desc, job_name;

-- flink_find: the job of a cluster that is meant by a name, an id or its beginning
select v.job_id, v.job_name, v.status, v.start_time, v.end_time, v.engine, v.kind, v.node, v.lag,
    v.position, v.duration, v.statement, v.error, v.engine_id, v.wanted, v.is_foreign, v.run_id,
    v.restored_from, v.checkpoint
from tailrace.flink_find_job(%(cluster)s, %(job)s) as f
join tailrace.flink_jobs as v on v.job_id = f.job_id;

-- flink_strays: runs that came when their job had been dropped, or started from somewhere else
select j.job_name, r.engine_id, j.is_dropped
from tailrace.flink_run as r
join tailrace.flink_job as j on j.job_id = r.job_id
where j.cluster = %(cluster)s and r.engine_id = any (%(runs)s) and not j.is_foreign
    and (j.is_dropped or r.run_id <> j.run_id)
    and r.status not in ('CANCELLING', 'FAILED', 'CANCELED', 'FINISHED');

-- flink_definition: what a job runs
select statement, setup, settings, reads, writes, created_at
from tailrace.flink_job
where job_id = %(job_id)s;

-- flink_cluster: what the catalogue calls the cluster at an address, and whether it need not be asked
select cluster, is_sure from tailrace.flink_cluster(%(place)s, %(url)s, %(name)s, %(runs)s);

-- flink_clusters: clusters whose jobs this database knows, and where they are reached
select distinct on (c.cluster) c.cluster, coalesce(a.url, c.cluster) as url,
    c.cluster !~ '^https?://' as has_name
from (select distinct j.cluster from tailrace.flink_job as j) as c
left join tailrace.flink_address as a on a.cluster = c.cluster
where coalesce(a.url, c.cluster) ~ '^https?://'
order by c.cluster, a.place = c.cluster desc, a.url;

-- flink_create_job: write a new job down
select tailrace.flink_create_job(%(cluster)s, %(name)s, %(job_id)s, %(statement)s, %(setup)s,
    %(settings)s::jsonb, %(reads)s::jsonb, %(writes)s::jsonb);

-- flink_start_job: write down that one more run is wanted
select tailrace.flink_start_job(%(job_id)s, %(run_id)s, %(path)s, %(claim)s);

-- flink_run_submitted: write down what the cluster answered to a submission
select tailrace.flink_run_submitted(%(run_id)s, %(engine_id)s, %(error)s);

-- flink_runs: the runs of a job, newest first
select engine_id, restored_from, checkpoint, has_run
from tailrace.flink_run
where job_id = %(job_id)s
order by asked_at desc;

-- flink_want_stop: write down how a job is to end
update tailrace.flink_job set wanted = %(wanted)s where job_id = %(job_id)s;

-- flink_keep: take back that a job is to end, but for a stop with savepoint that is under way
update tailrace.flink_job as j set wanted = 'running'
where j.job_id = %(job_id)s and not exists (
    select 1
    from tailrace.flink_run as r
    join tailrace.flink_savepoint as s on s.engine_id = r.engine_id
    where r.run_id = j.run_id and s.stops and s.state = 'requested');

-- flink_cancel_lost: end a job that the cluster has lost
with ended as (
    update tailrace.flink_run as r set status = 'CANCELED'
    from tailrace.flink_job as j
    where j.job_id = %(job_id)s and r.run_id = j.run_id and r.status = 'SUSPENDED'
    returning r.job_id
)
update tailrace.flink_job as j set wanted = 'canceled' from ended where j.job_id = ended.job_id;

-- flink_note_checkpoint: remember the newest checkpoint of a run
update tailrace.flink_run set checkpoint = %(path)s
where engine_id = %(engine_id)s and checkpoint is distinct from %(path)s;

-- flink_note_ran: remember that all tasks of a run have run, though nobody has seen it
update tailrace.flink_run set has_run = true where engine_id = %(engine_id)s and not has_run;

-- flink_drop_job: forget a job that has ended
select tailrace.flink_drop_job(%(job_id)s);

-- flink_want_savepoint: write down that a savepoint is about to be asked for
select tailrace.flink_want_savepoint(%(cluster)s, %(savepoint_id)s, %(engine_id)s, %(directory)s,
    %(stops)s, %(drains)s);

-- flink_move_savepoint: bring a savepoint into another state
select tailrace.flink_move_savepoint(%(savepoint_id)s, %(state)s, %(path)s, %(size)s, %(error)s);

-- flink_savepoints: savepoints of a cluster, newest first; of one job where it is given
select path, job_id, job_name, state, asked_at, completed_at, size, directory, stops, drains, error,
    savepoint_id, engine_id
from tailrace.flink_savepoint
where cluster = %(cluster)s and (%(job_id)s::text is null or job_id = %(job_id)s)
    and (state not in ('dropped', 'failed') or %(all)s)
order by asked_at desc, savepoint_id;

-- flink_found_savepoints: list what was found on disk
select tailrace.flink_found_savepoints(%(cluster)s, %(found)s::jsonb);

-- flink_settle_claims: mark what was given to a run for good
select tailrace.flink_settle_claims(%(cluster)s);

-- flink_restored_from: runs that have not ended and began at a path
select j.job_name, r.engine_id, r.is_claimed
from tailrace.flink_job as j
join tailrace.flink_run as r on r.run_id = j.run_id
where j.cluster = %(cluster)s and r.restored_from = %(path)s
    and r.status not in ('FAILED', 'CANCELED', 'FINISHED', 'SUSPENDED');

-- moment_before: the moment that was so long ago
select clock_timestamp() - %(age)s::interval;
