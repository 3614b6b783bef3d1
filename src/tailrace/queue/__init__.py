"""Queues inside PostgreSQL: what keeps them going from outside, ticker and maintenance."""
