"""Files between PostgreSQL and Apache Flink, which needs no connector for them.

``importing`` loads the files that Flink's filesystem sink has finished into a table, each once;
``export`` writes the changes of tables into files that its filesystem source watches.
"""
