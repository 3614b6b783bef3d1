"""The interactive shell, ``tailrace sql``.

So far: how results are written. ``result`` is what a statement returned, ``table`` draws it for
people, ``formats`` writes it for programs; all of it pure functions from rows to lines.
"""
