-- Schema tailrace: what is installed, in order. psql can run this file, too.

-- Tables
\ir tables.sql

-- Relation descriptors
\ir functions/tailrace.table_oid.sql
\ir functions/tailrace.table_shape.sql
\ir functions/tailrace.describe_table.sql
\ir functions/tailrace.relation_json.sql
\ir functions/tailrace.store_relation.sql

-- Capture: what the triggers run
\ir functions/tailrace.key_match.sql
\ir functions/tailrace.capture_body.sql
\ir functions/tailrace.capture_function.sql
\ir functions/tailrace.mark_statement.sql
\ir functions/tailrace.end_statement.sql
\ir functions/tailrace.refuse_or_note.sql
\ir functions/tailrace.check_snapshot.sql
\ir functions/tailrace.send_relation.sql
\ir functions/tailrace.capture_whole.sql
\ir functions/tailrace.capture_row.sql
\ir functions/tailrace.truncate_root.sql
\ir functions/tailrace.truncate_part.sql
\ir functions/tailrace.deny_write.sql

-- Capture: tables come and go
\ir functions/tailrace.member_tables.sql
\ir functions/tailrace.check_table.sql
\ir functions/tailrace.drop_triggers.sql
\ir functions/tailrace.set_triggers.sql
\ir functions/tailrace.build_capture.sql
\ir functions/tailrace.add_table.sql
\ir functions/tailrace.remove_table.sql
\ir functions/tailrace.refresh_capture.sql

-- Rights
\ir grants.sql
