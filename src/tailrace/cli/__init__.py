"""The ``tailrace`` command: flat verbs, grouped under headings.

``main`` lists the commands and finds the module of the one that was typed; ``invocation`` holds
what all commands share (settings, connecting, errors); ``output`` writes results.
"""
