"""Jobs that run on a cluster outside of the database, in an engine of ``tailrace.engines``.

The database holds the truth about them (``catalogue``): what they run, each of their runs, their
savepoints, and every wish before the cluster is asked. ``manager`` carries out the statements about
jobs, ``savepoints`` those about savepoints, ``resolving`` makes catalogue and cluster agree again
after a crash of anybody, ``restoring`` finds where a job goes on, ``addresses`` which cluster is
which.
"""
