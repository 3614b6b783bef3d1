"""What ``import tailrace`` offers to programs: producing, consuming, and the statements.

``producing`` puts events into a queue in the caller's transaction. ``consumer`` reads one, batch by
batch, as a job that can be listed, stopped and started; ``plain`` is the same for scripts that know
nothing of asyncio. ``changes`` makes rows of what tables were captured as. ``connecting`` runs
statements. All names are exported by ``tailrace`` itself.
"""
