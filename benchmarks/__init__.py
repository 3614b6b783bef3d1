"""Benchmarks: tailrace and a peer on the same work, interleaved, in one run.

``python -m benchmarks`` starts an embedded PostgreSQL of its own (fsync and synchronous_commit
on), runs each comparison several times with the competitors in turn, prints medians and ratios and
writes ``benchmarks/results.json``. Absolute times belong to the machine; the ratios count.
"""
