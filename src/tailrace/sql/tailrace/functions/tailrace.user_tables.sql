create or replace function tailrace.user_tables()
returns setof text
language sql stable
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.user_tables(0)
--
--      Names of the tables in this database that add-table can mean: ordinary and partitioned
--      tables of the user. Partitions belong to their table, and what inherits cannot be replicated;
--      unlogged and temporary tables cannot be replicated; tables of extensions and of our own
--      schemas are none of the user's.
--
-- Parameters:
--      none
-- Returns:
--      global names, schema.table, sorted
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
    select n.nspname || '.' || c.relname
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p')
       and c.relpersistence = 'p'
       and not tailrace.is_system_schema(n.oid)
       and not exists (select from pg_inherits i where i.inhrelid = c.oid)
       and not exists (select from pg_depend d
                        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1
$$;

comment on function tailrace.user_tables() is 'tables of the user that could be replicated';
