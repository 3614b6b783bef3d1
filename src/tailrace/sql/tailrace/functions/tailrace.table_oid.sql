create or replace function tailrace.table_oid(i_name text)
returns regclass
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.table_oid(1)
--
--      The table that a global name means here. Names are written unquoted,
--      schema.table; the first dot splits; no dot means schema public.
--
-- Returns:
--      regclass; NULL when there is no such relation
-- ----------------------------------------------------------------------
    select c.oid::regclass
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = case when strpos(i_name, '.') > 0 then split_part(i_name, '.', 1) else 'public' end
       and c.relname = case when strpos(i_name, '.') > 0 then substr(i_name, strpos(i_name, '.') + 1) else i_name end
       and c.relkind in ('r', 'p', 'v', 'm', 'f')
$$;
