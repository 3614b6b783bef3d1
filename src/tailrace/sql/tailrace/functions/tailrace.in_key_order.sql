create or replace function tailrace.in_key_order(
    i_tables text[]
) returns setof text
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.in_key_order(1)
--
--      The order in which tables can be filled while foreign keys are checked: each after those that
--      it refers to. In the contrary order they can be emptied. Tables that refer to each other in a
--      circle have no such order.
--
-- Parameters:
--      i_tables  - local tables, schema.table, unquoted
--
-- Returns:
--      the same names
--
-- Calls:
--      tailrace.table_oid
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    with recursive named as (
        select n.name, tailrace.table_oid(n.name)::oid as id
        from pg_catalog.unnest(i_tables) as n (name)
    ), behind (id, depth) as (
        select n.id, 0 from named as n
        union
        select k.conrelid, b.depth + 1
        from behind as b
        join pg_catalog.pg_constraint as k
            on k.contype = 'f' and k.confrelid = b.id and k.conrelid <> b.id
        where k.conrelid in (select n.id from named as n)
            and b.depth < pg_catalog.cardinality(i_tables)
    )
    select n.name
    from named as n
    left join behind as b on b.id = n.id
    group by n.name
    order by pg_catalog.max(b.depth), n.name;
$body$;

comment on function tailrace.in_key_order(text[]) is 'the order in which tables can be filled while foreign keys are checked';
