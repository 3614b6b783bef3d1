"""Savepoints: consistent images of a job, its position and its rows, made for the user.

``storage`` knows directories and object stores, ``metadata`` what stands in the file ``_metadata``.
``writer`` makes a savepoint, ``restore`` starts a job from one, ``seed`` a new node, ``disposal``
removes one, ``housekeeping`` is what a runner does from time to time, ``service`` its loop.
``catalog`` finds savepoints in all databases of the cascade and in the directories. The rules are
in SQL (``tailrace.savepoint``, ``tailrace.restore``); docs/design/savepoints.md tells what holds.
"""
