create or replace function tailrace.share_lock_sql(i_tables text[])
returns text
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.share_lock_sql(1)
--
--      Statement that locks local tables against being rewritten. Given
--      before a snapshot is taken: a snapshot older than a rewriting ALTER
--      TABLE would find the table empty. Never blocks writers.
--
-- Parameters:
--      i_tables    local tables, schema.table, unquoted; those that do not
--                  exist are left out
-- Returns:
--      SQL text; NULL when there is nothing to lock
-- Calls:
--      tailrace.table_oid
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select 'lock table ' || pg_catalog.string_agg(pgq.quote_fqname(t.name), ', ' order by t.name)
           || ' in access share mode'
      from (select distinct u.name from pg_catalog.unnest(i_tables) u(name)) t
     where tailrace.table_oid(t.name) is not null
$$;

comment on function tailrace.share_lock_sql(text[]) is
    'statement that locks local tables against being rewritten while a snapshot reads them';
