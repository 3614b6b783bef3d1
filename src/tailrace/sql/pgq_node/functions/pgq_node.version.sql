-- pgq_node.version()
--
-- Purpose:    the version of pgq_node whose functions, columns and codes stand here; clients look at the first digit.
-- Parameters: none
-- Returns:    version as text
-- NULL:       never
-- Calls:      nothing
-- Changes:    nothing
create or replace function pgq_node.version()
returns text
language sql immutable as $$
    select '3.5'::text
$$;
comment on function pgq_node.version() is 'Version of pgq_node that this schema is compatible with';
