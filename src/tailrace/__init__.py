"""tailrace streams changes out of PostgreSQL and runs the streams with SQL.

PostgreSQL is the data plane, Python the control plane: rows never become Python objects on the hot
path. ``ARCHITECTURE.md`` says where to find what.
"""

__version__ = "0.1.0"
