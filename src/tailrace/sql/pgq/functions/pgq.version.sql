-- pgq.version()
--
-- Purpose: level of the PgQ interface that this schema offers. The daemon pgqd ignores a database
--     in which this is null or begins with a digit below 3.
-- Returns: text such as 3.5; never NULL.

create or replace function pgq.version()
returns text
language sql
stable
as $$
    select '3.5'::text;
$$;
