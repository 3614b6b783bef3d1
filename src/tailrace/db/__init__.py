"""Talking to PostgreSQL: connections, named queries, installing our schemas, notifications, locks.

The only package that imports the driver, so that its types and exceptions never leak upwards.
"""
