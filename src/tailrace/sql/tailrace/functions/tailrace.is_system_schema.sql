create or replace function tailrace.is_system_schema(i_schema oid)
returns boolean
language sql stable
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.is_system_schema(1)
--
--      Does a schema hold what belongs to PostgreSQL, PgQ, Londiste or tailrace, and not to the
--      user? Its tables are never replicated: what they say is about this database alone.
--
-- Parameters:
--      i_schema    schema
-- Returns:
--      whether it does; NULL for one that is not there
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select n.nspname in ('pg_catalog', 'information_schema', 'pgq', 'pgq_node', 'pgq_coop', 'pgq_ext',
                         'londiste', 'tailrace', 'tailrace_capture')
      from pg_namespace n
     where n.oid = i_schema
$$;

comment on function tailrace.is_system_schema(oid) is
    'whether a schema belongs to PostgreSQL, PgQ, Londiste or tailrace';
