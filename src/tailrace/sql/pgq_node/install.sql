-- Schema pgq_node: what is installed, in order. psql can run this file, too. Needs schema pgq.

-- Tables
\ir tables.sql

-- Building blocks, called by the functions below only
\ir functions/pgq_node.queue_top.sql
\ir functions/pgq_node.consumer_position.sql
\ir functions/pgq_node.local_watermark.sql
\ir functions/pgq_node.lock_ticks.sql
\ir functions/pgq_node.lock_watermark.sql
\ir functions/pgq_node.require_location.sql
\ir functions/pgq_node.create_root_queue.sql
\ir functions/pgq_node.create_branch_queue.sql
\ir functions/pgq_node.make_missing_tick.sql
\ir functions/pgq_node.await_writers.sql
\ir functions/pgq_node.make_final_tick.sql
\ir functions/pgq_node.unfinished_copies.sql
\ir functions/pgq_node.follow_parts.sql
\ir functions/pgq_node.retire_apply_consumer.sql

-- What stands here
\ir functions/pgq_node.version.sql
\ir functions/pgq_node.upgrade_schema.sql
\ir functions/pgq_node.is_root_node.sql
\ir functions/pgq_node.is_leaf_node.sql
\ir functions/pgq_node.get_node_info.sql
\ir functions/pgq_node.set_node_attrs.sql

-- Locations
\ir functions/pgq_node.register_location.sql
\ir functions/pgq_node.unregister_location.sql
\ir functions/pgq_node.get_queue_locations.sql

-- Subscribers: called on the node that is read from
\ir functions/pgq_node.register_subscriber.sql
\ir functions/pgq_node.unregister_subscriber.sql
\ir functions/pgq_node.set_subscriber_watermark.sql
\ir functions/pgq_node.get_subscriber_info.sql

-- Cascaded consumers: called on the node that is written to
\ir functions/pgq_node.register_consumer.sql
\ir functions/pgq_node.unregister_consumer.sql
\ir functions/pgq_node.get_consumer_info.sql
\ir functions/pgq_node.get_consumer_state.sql
\ir functions/pgq_node.get_worker_state.sql
\ir functions/pgq_node.set_consumer_completed.sql
\ir functions/pgq_node.set_consumer_error.sql
\ir functions/pgq_node.set_consumer_paused.sql
\ir functions/pgq_node.set_consumer_uptodate.sql
\ir functions/pgq_node.change_consumer_provider.sql

-- Watermarks
\ir functions/pgq_node.set_global_watermark.sql
\ir functions/pgq_node.set_partition_watermark.sql
\ir functions/pgq_node.maint_watermark.sql

-- Life of a node
\ir functions/pgq_node.drop_local_node.sql
\ir functions/pgq_node.create_node.sql
\ir functions/pgq_node.drop_node.sql
\ir functions/pgq_node.demote_root.sql
\ir functions/pgq_node.promote_branch.sql

-- Rights
\ir grants.sql
