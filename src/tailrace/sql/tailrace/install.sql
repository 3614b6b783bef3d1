-- Schema tailrace: what is installed, in order. psql can run this file, too.

-- Tables
\ir tables.sql

-- Relation descriptors
\ir functions/tailrace.table_oid.sql
\ir functions/tailrace.table_shape.sql
\ir functions/tailrace.describe_table.sql
\ir functions/tailrace.relation_json.sql
\ir functions/tailrace.store_relation.sql
\ir functions/tailrace.recall_relation.sql

-- Capture: what the triggers run
\ir functions/tailrace.equality.sql
\ir functions/tailrace.key_match.sql
\ir functions/tailrace.capture_body.sql
\ir functions/tailrace.capture_function.sql
\ir functions/tailrace.mark_statement.sql
\ir functions/tailrace.end_statement.sql
\ir functions/tailrace.send_untracked.sql
\ir functions/tailrace.refuse_or_note.sql
\ir functions/tailrace.check_snapshot.sql
\ir functions/tailrace.send_relation.sql
\ir functions/tailrace.event_table.sql
\ir functions/tailrace.capture_whole.sql
\ir functions/tailrace.capture_row.sql
\ir functions/tailrace.truncate_root.sql
\ir functions/tailrace.truncate_part.sql
\ir functions/tailrace.deny_write.sql

-- Capture: tables come and go
\ir functions/tailrace.member_tables.sql
\ir functions/tailrace.is_system_schema.sql
\ir functions/tailrace.check_table.sql
\ir functions/tailrace.drop_triggers.sql
\ir functions/tailrace.set_triggers.sql
\ir functions/tailrace.build_capture.sql
\ir functions/tailrace.refuse_written.sql
\ir functions/tailrace.refuse_two_queues.sql
\ir functions/tailrace.add_table.sql
\ir functions/tailrace.remove_table.sql
\ir functions/tailrace.born_as_part.sql
\ir functions/tailrace.refresh_capture.sql
\ir functions/tailrace.follow_relation.sql
\ir functions/tailrace.keep_old_images.sql
\ir functions/tailrace.drop_old_images.sql

-- Positions, mirror, status
\ir functions/tailrace.skip_ticks.sql
\ir functions/tailrace.raise_lost_position.sql
\ir functions/tailrace.raise_not_registered.sql
\ir functions/tailrace.reading_place.sql
\ir functions/tailrace.next_range.sql
\ir functions/tailrace.finish_range.sql
\ir functions/tailrace.take_over.sql
\ir functions/tailrace.check_runner.sql
\ir functions/tailrace.advance.sql
\ir functions/tailrace.begin_batch.sql
\ir functions/tailrace.url_decoded.sql
\ir functions/tailrace.sync_members.sql
\ir functions/tailrace.ensure_apply.sql
\ir functions/tailrace.refresh_consumer.sql
\ir functions/tailrace.pending_ticks.sql
\ir functions/tailrace.newest_event.sql
\ir functions/tailrace.know_member.sql
\ir functions/tailrace.cascade_event.sql
\ir functions/tailrace.mirror_begin.sql
\ir functions/tailrace.mirror_events.sql
\ir functions/tailrace.mirror_write.sql
\ir functions/tailrace.mirror_tick.sql
\ir functions/tailrace.mirror_empty.sql
\ir functions/tailrace.node_status.sql

-- Coming back after a takeover
\ir functions/tailrace.step_down.sql
\ir functions/tailrace.lost_batches.sql
\ir functions/tailrace.lost_statistics.sql
\ir functions/tailrace.delete_events_after.sql
\ir functions/tailrace.rewind_parts.sql
\ir functions/tailrace.recopy_merged.sql
\ir functions/tailrace.fail_jobs_beyond.sql
\ir functions/tailrace.forget_lost_events.sql
\ir functions/tailrace.replace_gravestone.sql

-- Merging queues
\ir functions/tailrace.merge_group.sql
\ir functions/tailrace.other_parts.sql
\ir functions/tailrace.copy_role.sql
\ir functions/tailrace.combined_root.sql
\ir functions/tailrace.passing.sql
\ir functions/tailrace.pass_part.sql
\ir functions/tailrace.begin_passing.sql
\ir functions/tailrace.send_position.sql
\ir functions/tailrace.behind_range.sql
\ir functions/tailrace.cascade_events.sql
\ir functions/tailrace.begin_load.sql
\ir functions/tailrace.end_load.sql
\ir functions/tailrace.add_merged.sql

-- Ticker, maintenance
\ir functions/tailrace.has_uncovered_event.sql
\ir functions/tailrace.covering_tick.sql
\ir functions/tailrace.tick_queue.sql
\ir functions/tailrace.wake.sql
\ir functions/tailrace.run_ticker.sql
\ir functions/tailrace.maint_statements.sql

-- Reading and applying
\ir functions/tailrace.refuse_retried.sql
\ir functions/tailrace.range_sql.sql
\ir functions/tailrace.few_events.sql
\ir functions/tailrace.narrow_sql.sql
\ir functions/tailrace.range_contents.sql
\ir functions/tailrace.range_cuts.sql
\ir functions/tailrace.part_sql.sql
\ir functions/tailrace.aside_sql.sql
\ir functions/tailrace.row_parts.sql
\ir functions/tailrace.reading_plan.sql
\ir functions/tailrace.next_reading.sql
\ir functions/tailrace.base_type.sql
\ir functions/tailrace.is_referenced.sql
\ir functions/tailrace.apply_shape.sql
\ir functions/tailrace.local_tables.sql
\ir functions/tailrace.apply_columns.sql
\ir functions/tailrace.own_rows.sql
\ir functions/tailrace.apply_names.sql
\ir functions/tailrace.update_sql.sql
\ir functions/tailrace.apply_statements.sql
\ir functions/tailrace.key_access.sql
\ir functions/tailrace.apply_plan.sql
\ir functions/tailrace.choose_plans.sql
\ir functions/tailrace.key_bounds.sql
\ir functions/tailrace.delete_staged.sql
\ir functions/tailrace.write_staged.sql
\ir functions/tailrace.apply_again.sql
\ir functions/tailrace.apply_staged.sql

-- Copy and compare
\ir functions/tailrace.applying_consumer.sql
\ir functions/tailrace.copied_columns.sql
\ir functions/tailrace.key_columns.sql
\ir functions/tailrace.source_rows.sql
\ir functions/tailrace.source_state.sql
\ir functions/tailrace.share_lock_sql.sql
\ir functions/tailrace.copy_out_sql.sql
\ir functions/tailrace.copy_in_sql.sql
\ir functions/tailrace.empty_table.sql
\ir functions/tailrace.tables_to_copy.sql
\ir functions/tailrace.begin_aside.sql
\ir functions/tailrace.start_copy.sql
\ir functions/tailrace.note_copy_progress.sql
\ir functions/tailrace.finish_copy.sql
\ir functions/tailrace.fail_copy.sql
\ir functions/tailrace.drop_stale_pins.sql
\ir functions/tailrace.snapshot_tick.sql
\ir functions/tailrace.sync_plan.sql
\ir functions/tailrace.tables_to_hand_over.sql
\ir functions/tailrace.begin_hand_over.sql
\ir functions/tailrace.end_hand_over.sql
\ir functions/tailrace.hold.sql
\ir functions/tailrace.held_position.sql
\ir functions/tailrace.hold_until.sql
\ir functions/tailrace.release_hold.sql
\ir functions/tailrace.comparable_tables.sql
\ir functions/tailrace.checksum_sql.sql

-- Changing providers and taking nodes over
\ir functions/tailrace.node_facts.sql
\ir functions/tailrace.open_writers.sql
\ir functions/tailrace.lower_report.sql
\ir functions/tailrace.complete_ticks.sql
\ir functions/tailrace.reopen_root.sql
\ir functions/tailrace.promote.sql

-- Node and table commands
\ir functions/tailrace.forget_queue.sql
\ir functions/tailrace.user_tables.sql
\ir functions/tailrace.create_one_table_sql.sql
\ir functions/tailrace.create_table_sql.sql

-- SQL jobs
\ir functions/tailrace.guard_job_owner.sql
\ir functions/tailrace.ensure_local.sql
\ir functions/tailrace.capture_locally.sql
\ir functions/tailrace.let_go_locally.sql
\ir functions/tailrace.job_relation_named.sql
\ir functions/tailrace.volatile_functions.sql
\ir functions/tailrace.make_tick.sql
\ir functions/tailrace.check_job_name.sql
\ir functions/tailrace.add_sql_job.sql
\ir functions/tailrace.attach_sql_job.sql
\ir functions/tailrace.begin_sql_job.sql
\ir functions/tailrace.begin_sql_batch.sql
\ir functions/tailrace.fill_sql_job.sql
\ir functions/tailrace.forget_sql_job.sql
\ir functions/tailrace.note_job_failure.sql
\ir functions/tailrace.changes_sql.sql
\ir functions/tailrace.changes_plan.sql
\ir functions/tailrace.drop_batch_relation.sql
\ir functions/tailrace.batch_relation.sql
\ir functions/tailrace.batch_copy.sql

-- Jobs that write files
\ir functions/tailrace.refuse_value.sql
\ir functions/tailrace.refuse_change.sql
\ir functions/tailrace.export_value.sql
\ir functions/tailrace.export_columns.sql
\ir functions/tailrace.export_sql.sql
\ir functions/tailrace.add_export.sql
\ir functions/tailrace.begin_export.sql
\ir functions/tailrace.note_export.sql
\ir functions/tailrace.finish_export.sql

-- Files that are loaded
\ir functions/tailrace.import_columns.sql
\ir functions/tailrace.import_staging.sql
\ir functions/tailrace.import_checks.sql
\ir functions/tailrace.import_changes.sql
\ir functions/tailrace.import_plan.sql
\ir functions/tailrace.import_target.sql
\ir functions/tailrace.create_import.sql
\ir functions/tailrace.change_import.sql
\ir functions/tailrace.begin_import.sql
\ir functions/tailrace.note_removed_files.sql

-- Jobs
\ir functions/tailrace.keep_job.sql
\ir functions/tailrace.live_runners.sql
\ir functions/tailrace.job_status.sql
\ir functions/tailrace.url_quote.sql
\ir views.sql
\ir functions/tailrace.export_needed_since.sql
\ir functions/tailrace.find_job.sql
\ir functions/tailrace.job_tree.sql
\ir functions/tailrace.refuse_transaction.sql

-- Savepoints
\ir functions/tailrace.savepoint_directory.sql
\ir functions/tailrace.job_tables.sql
\ir functions/tailrace.check_savepoint.sql
\ir functions/tailrace.ask_savepoint.sql
\ir functions/tailrace.request_savepoint.sql
\ir functions/tailrace.savepoint_progress.sql
\ir functions/tailrace.create_savepoint.sql
\ir functions/tailrace.savepoint_work.sql
\ir functions/tailrace.pin_savepoint.sql
\ir functions/tailrace.savepoint_content.sql
\ir functions/tailrace.move_pin.sql
\ir functions/tailrace.complete_savepoint.sql
\ir functions/tailrace.fail_savepoint.sql
\ir functions/tailrace.find_savepoint.sql
\ir functions/tailrace.release_pin.sql
\ir functions/tailrace.request_drop_savepoint.sql
\ir functions/tailrace.drop_savepoint.sql
\ir functions/tailrace.request_drop_savepoints.sql
\ir functions/tailrace.drop_savepoints.sql
\ir functions/tailrace.adopt_savepoint.sql
\ir functions/tailrace.held_tick.sql
\ir functions/tailrace.ask_restore.sql
\ir functions/tailrace.restore_intent.sql
\ir functions/tailrace.load_plan.sql
\ir functions/tailrace.in_key_order.sql
\ir functions/tailrace.begin_restore.sql
\ir functions/tailrace.end_restore.sql
\ir functions/tailrace.close_restore.sql

-- Jobs: stopping and starting
\ir functions/tailrace.request_stop_job.sql
\ir functions/tailrace.request_start_job.sql
\ir functions/tailrace.drain_to.sql
\ir functions/tailrace.upstream_jobs.sql
\ir functions/tailrace.settle_job.sql
\ir functions/tailrace.start_progress.sql
\ir functions/tailrace.stop_job.sql
\ir functions/tailrace.start_job.sql
\ir functions/tailrace.drop_job.sql

-- Programs that produce and consume (import tailrace)
\ir functions/tailrace.add_consumer.sql
\ir functions/tailrace.place_consumer.sql
\ir functions/tailrace.insert_events.sql

-- Jobs on Flink clusters
\ir functions/tailrace.flink_cluster.sql
\ir functions/tailrace.flink_find_job.sql
\ir functions/tailrace.flink_create_job.sql
\ir functions/tailrace.flink_start_job.sql
\ir functions/tailrace.flink_run_submitted.sql
\ir functions/tailrace.flink_miss.sql
\ir functions/tailrace.flink_observe.sql
\ir functions/tailrace.flink_drop_job.sql
\ir functions/tailrace.flink_want_savepoint.sql
\ir functions/tailrace.flink_move_savepoint.sql
\ir functions/tailrace.flink_found_savepoints.sql
\ir functions/tailrace.flink_settle_claims.sql

-- Rights
\ir grants.sql
