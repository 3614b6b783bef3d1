"""Conversations about jobs and data: the same for the shell and for HTTP.

``sessions`` holds one conversation with its connections and settings, ``dispatch`` says which
statement is carried out how, ``catalog`` lists nodes, queues and consumers, ``results`` is what
statements come to.
"""
