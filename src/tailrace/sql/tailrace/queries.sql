-- Queries of schema tailrace: everything that Python asks of it, under the heading of who asks.

-- ---------------------------------------------------------------- Node commands and status

-- all_relations: every relation descriptor, in the form that store_relation takes
select tailrace.relation_json(
    r.relation_id, r.table_name, r.column_names, r.column_types, r.key_columns, r.old_images) as json
from tailrace.relation as r
order by r.created_at, r.relation_id;

-- table_relations: the descriptors of one table, likewise
select tailrace.relation_json(
    r.relation_id, r.table_name, r.column_names, r.column_types, r.key_columns, r.old_images) as json
from tailrace.relation as r
where r.table_name = %(table)s
order by r.created_at, r.relation_id;

-- store_relation: keep a descriptor; one that is there already stays
select tailrace.store_relation(%(json)s);

-- node_status: all that status shows of this node
select tailrace.node_status(%(queue)s);

-- forget_queue: remove tables, triggers and positions of a node that is about to be dropped
select tailrace.forget_queue(%(queue)s);

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

-- sync_plan: what copies and holds ask of the next batch
select * from tailrace.sync_plan(%(queue)s, %(consumer)s, %(position)s);

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
