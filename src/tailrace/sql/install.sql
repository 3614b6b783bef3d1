-- Everything that tailrace installs, in order; `tailrace install --db DSN` reads this file, and
-- `psql -1 -v ON_ERROR_STOP=1 -f install.sql` installs the same without Python (fresh databases only).

-- Queues
\ir pgq/install.sql
-- Members that share the work of a consumer
\ir pgq_coop/install.sql
-- The cascade of nodes
\ir pgq_node/install.sql
-- Capture, apply, jobs, and the record of what has been installed
\ir tailrace/install.sql
