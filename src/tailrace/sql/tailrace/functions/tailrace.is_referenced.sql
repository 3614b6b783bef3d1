create or replace function tailrace.is_referenced(i_table oid)
returns boolean
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.is_referenced(1)
--
--      Whether foreign keys of other tables point here; PostgreSQL then refuses TRUNCATE, and
--      the rows have to be deleted instead.
--
-- Parameters:
--      i_table  - a local table; partitions of it count as itself
--
-- Returns:
--      true or false
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    with own as (
        select i_table as id
        union
        select p.relid::oid from pg_catalog.pg_partition_tree(i_table) as p
    )
    select exists (
        select
        from pg_catalog.pg_constraint as c
        where c.contype = 'f'
            and c.confrelid in (select o.id from own as o)
            and c.conrelid not in (select o.id from own as o)
    )
$body$;

comment on function tailrace.is_referenced(oid) is
    'whether foreign keys of other tables point to a table';
