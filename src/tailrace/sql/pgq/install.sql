-- Schema pgq, in the order in which its parts need each other.

-- roles and tables (fresh install only: tables.sql)
\ir roles.sql
\ir tables.sql

-- the interface itself
\ir functions/pgq.version.sql
\ir functions/pgq.upgrade_schema.sql

-- names and sequences
\ir functions/pgq.quote_fqname.sql
\ir functions/pgq.seq_getval.sql
\ir functions/pgq.seq_setval.sql

-- messages that several functions share
\ir functions/pgq.require_queue.sql
\ir functions/pgq.require_read_committed.sql
\ir functions/pgq.raise_lost_position.sql
\ir functions/pgq.refuse_disabled_queue.sql

-- ticks
\ir functions/pgq.lock_ticks.sql
\ir functions/pgq.make_tick.sql
\ir functions/pgq.tick_is_due.sql
\ir functions/pgq.ticker.sql
\ir functions/pgq.force_tick.sql

-- queues
\ir functions/pgq.grant_perms.sql
\ir functions/pgq.tune_storage.sql
\ir functions/pgq.create_event_tables.sql
\ir functions/pgq.create_queue.sql
\ir functions/pgq.drop_queue.sql
\ir functions/pgq.set_queue_config.sql

-- producing
\ir functions/pgq.refuse_stale_queue.sql
\ir functions/pgq.count_events.sql
\ir functions/pgq.insert_event_raw.sql
\ir functions/pgq.insert_event.sql
\ir functions/pgq.current_event_table.sql

-- subscribing
\ir functions/pgq.register_consumer_at.sql
\ir functions/pgq.register_consumer.sql
\ir functions/pgq.unregister_consumer.sql

-- batches
\ir functions/pgq.find_next_tick.sql
\ir functions/pgq.next_batch_custom.sql
\ir functions/pgq.next_batch_info.sql
\ir functions/pgq.next_batch.sql
\ir functions/pgq.finish_batch.sql
\ir functions/pgq.get_batch_info.sql

-- events of a batch
\ir functions/pgq.tick_range_txids.sql
\ir functions/pgq.tick_range_tables.sql
\ir functions/pgq.tick_range_sql.sql
\ir functions/pgq.batch_event_sql.sql
\ir functions/pgq.get_batch_events.sql
\ir functions/pgq.get_batch_cursor.sql

-- retry
\ir functions/pgq.retry_events.sql
\ir functions/pgq.event_retry.sql
\ir functions/pgq.batch_retry.sql
\ir functions/pgq.event_retry_raw.sql

-- information
\ir functions/pgq.get_queue_info.sql
\ir functions/pgq.get_consumer_info.sql

-- maintenance
\ir functions/pgq.maint_rotate_tables_step1.sql
\ir functions/pgq.maint_rotate_tables_step2.sql
\ir functions/pgq.maint_retry_events.sql
\ir functions/pgq.maint_tables_to_vacuum.sql
\ir functions/pgq.maint_operations.sql

-- who may do what
\ir grants.sql
