"""SQL jobs on PostgreSQL: statements over the changes of tables, run once for each batch.

``definition`` reads the text of a job and says what it is made of, ``analysis`` finds in one
statement what it reads and writes and refuses what cannot be right, ``rewriting`` lets
``changes.<table>`` mean the batch; ``creation`` carries CREATE JOB out, and ``preparing`` has old
values captured for it. ``program`` is what is kept of all that, ``sqljob`` the consumer that runs
it, ``batch`` brings the changes of a batch into its session, ``filling`` begins with the rows that
are there.
"""
