"""Jobs: running streams that can be listed, stopped and started, wherever in the cascade they are.

``tailrace.job`` in the database that a job writes to is the truth for it; there is no catalogue in
the middle. ``model`` says what a job is and which status may follow which, ``store`` speaks with
one database, ``manager`` with the connected one and all members of its cascades at once,
``stopping`` is what a runner does for jobs that are asked to end.
"""
