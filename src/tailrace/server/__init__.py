"""``tailrace serve``: the statements over HTTP, as Flink's SQL Gateway speaks (REST, V1 to V4).

``protocol`` answers requests, ``sessions`` and ``operation`` hold what lives between them,
``pages`` and ``columns`` write results, ``guard`` decides who may ask, ``serving`` listens.
``proxy`` stands in front of a real gateway and adds our statements to its own; ``verbs`` are jobs
and savepoints as plain REST, ``metrics`` and health are for whoever watches.
"""
