"""Apache Flink as an engine: everything by REST but where there is no gateway to ask.

``http`` carries requests, ``jobmanager`` knows the JobManager's calls, ``engine`` is the protocol
of ``engines.base``, ``gateway`` and ``environment`` are the two ways to have SQL carried out (a SQL
Gateway; the planner in a local cluster's own process), ``local`` starts such a cluster,
``disk`` looks at savepoints where they lie, ``words`` says in one line what Java says in a hundred.
"""
