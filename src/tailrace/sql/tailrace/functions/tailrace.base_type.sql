create or replace function tailrace.base_type(
    i_type    oid,
    i_typmod  integer,
    out type_id  oid,
    out type_sql text
)
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.base_type(2)
--
--      The type below a domain, through any number of domains. Staging columns have it, so
--      that a domain's constraints are checked once, where the row goes.
--
-- Parameters:
--      i_type, i_typmod  - as in pg_attribute
--
-- Returns:
--      type_id   - the type, not a domain
--      type_sql  - the same as SQL text, with its modifier
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    with recursive chain (type_id, typmod, depth) as (
        select i_type, i_typmod, 0
        union all
        select t.typbasetype, t.typtypmod, c.depth + 1
        from chain as c
        join pg_catalog.pg_type as t on t.oid = c.type_id
        where t.typtype = 'd'
    )
    select c.type_id, pg_catalog.format_type(c.type_id, c.typmod)
    from chain as c
    order by c.depth desc
    limit 1
$body$;

comment on function tailrace.base_type(oid, integer) is 'the type below a domain';
