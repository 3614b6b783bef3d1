create or replace function tailrace.equality(
    i_table  regclass,
    i_column smallint,
    i_type   oid
) returns text
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.equality(3)
--
--      The operator by which a key column is compared. Statements that apply run with an empty
--      search path, where "=" would not find that of a type like citext; so it is taken from the
--      primary key, another index on the column, else from the type, else it is the built-in one.
--
-- Parameters:
--      i_table   - the table
--      i_column  - pg_attribute.attnum
--      i_type    - the column's type, not a domain
--
-- Returns:
--      for example operator(pg_catalog.=)
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    with class as (
        select k.class, case when x.indisprimary then 0 else 1 end as rank
        from pg_catalog.pg_index as x
        cross join lateral unnest(x.indkey::int2[], x.indclass::oid[]) as k (attnum, class)
        where x.indrelid = i_table and k.attnum = i_column
        union all
        select o.oid, 2
        from pg_catalog.pg_opclass as o
        where o.opcintype = i_type and o.opcdefault
    )
    select coalesce((
        select pg_catalog.format('operator(%I.%s)', n.nspname, o.oprname)
        from class as c
        join pg_catalog.pg_opclass as oc on oc.oid = c.class
        join pg_catalog.pg_am as am on am.oid = oc.opcmethod and am.amname = 'btree'
        join pg_catalog.pg_amop as p
            on p.amopfamily = oc.opcfamily and p.amopstrategy = 3
            and p.amoplefttype = oc.opcintype and p.amoprighttype = oc.opcintype
        join pg_catalog.pg_operator as o on o.oid = p.amopopr
        join pg_catalog.pg_namespace as n on n.oid = o.oprnamespace
        order by c.rank
        limit 1
    ), 'operator(pg_catalog.=)')
$body$;

comment on function tailrace.equality(regclass, smallint, oid) is
    'the operator by which a key column is compared, as SQL text';
