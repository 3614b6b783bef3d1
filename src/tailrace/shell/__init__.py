"""The interactive shell, ``tailrace sql``.

``table`` draws a result for people, ``formats`` writes it for programs, both pure functions from
rows to lines. ``printer`` shows what statements came to, ``script`` runs them one after the other;
``interactive`` reads them from a terminal, ``commands`` are those that begin with a backslash.
"""
