"""``tailrace run``: which services run for which databases, and when all is done.

Every database that is served gets a ticker and maintenance; every node in it its worker, a branch
with tables its applying consumer, a node with tables to copy the service that copies them. Nodes
come and go while this runs, so each database is looked through again every few seconds. Any number
of runners may serve the same database: locks choose one for each service, epochs make sure of it.
"""

from tailrace.app.options import Options
from tailrace.app.runner import Runner, run

__all__ = ["Options", "Runner", "run"]
