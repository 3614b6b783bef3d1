"""Replication of tables: transport and apply, first copy and hand-over, comparison."""
