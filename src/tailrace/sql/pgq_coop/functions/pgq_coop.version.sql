-- pgq_coop.version()
--
-- Purpose: version of PgQ that this schema is compatible with.
-- Returns: text such as 3.5.
-- NULL: has no parameters.

create or replace function pgq_coop.version()
returns text
language sql
stable
as $$
    select '3.5'::text;
$$;
