"""Jobs that write the changes of tables into files, for whoever reads files: Flink, above all.

One file holds one batch of one table, and its name is made of the batch's ticks. Before a file can
be seen, the database has been told which ticks it ends with; so whoever goes on after a crash
writes the same file, or finds it there, and the same changes never stand in two.
"""
