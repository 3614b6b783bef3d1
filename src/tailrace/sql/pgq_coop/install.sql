-- Schema pgq_coop: what is installed, in order. psql can run this file, too. Needs schema pgq.

\ir tables.sql

-- the interface itself
\ir functions/pgq_coop.version.sql

-- building blocks
\ir functions/pgq_coop.lock_group.sql
\ir functions/pgq_coop.find_member.sql
\ir functions/pgq_coop.take_dead.sql

-- members
\ir functions/pgq_coop.register_subconsumer.sql
\ir functions/pgq_coop.unregister_subconsumer.sql

-- batches
\ir functions/pgq_coop.next_batch_custom.sql
\ir functions/pgq_coop.next_batch.sql
\ir functions/pgq_coop.finish_batch.sql

-- who may do what
\ir grants.sql
