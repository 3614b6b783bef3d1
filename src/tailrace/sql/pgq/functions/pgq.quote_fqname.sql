-- pgq.quote_fqname(name)
--
-- Purpose: quote a name for use in SQL.
-- Parameters: i_name  schema and name; the first dot parts them. Without a dot: public.
-- Returns: schema.name, each quoted where needed.
-- NULL: returns NULL.

create or replace function pgq.quote_fqname(i_name text)
returns text
language sql
immutable
strict
as $$
    select case
        when pg_catalog.strpos(i_name, '.') > 0 then
            pg_catalog.format('%I.%I',
                pg_catalog.substr(i_name, 1, pg_catalog.strpos(i_name, '.') - 1),
                pg_catalog.substr(i_name, pg_catalog.strpos(i_name, '.') + 1))
        else pg_catalog.format('public.%I', i_name)
    end;
$$;
