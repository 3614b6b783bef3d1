"""``tailrace demo``: real flights through five databases, with everything that users have.

``play`` is the order of events; ``flights`` reads the data, ``stage`` makes server, databases and
nodes, ``runner`` is the process ``tailrace run``, ``writers`` change the root's tables while all
this goes on, ``figures`` tells how well it went. What is shown, and how, is left to an
``Audience``: the command line.
"""
