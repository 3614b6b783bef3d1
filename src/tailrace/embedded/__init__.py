"""A PostgreSQL server of our own, run from binaries that are found, not configured."""
