create or replace function tailrace.key_access(
    i_dest_table  text,
    i_relation_id text,
    i_staging     text
) returns jsonb
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.key_access(3)
--
--      How rows are found by their key, as far as the planner has to be told.
--
-- Parameters:
--      i_dest_table   - local table
--      i_relation_id  - descriptor of the staged rows
--      i_staging      - staging table (trusted text)
--
-- Returns:
--      an object
--        rows_of  - text: the table, as after FROM
--        bounds   - query: the least and the greatest first column of the staged keys, and how
--                   many different keys there are; one pass where the key is one column and its
--                   type has aggregates for them, else two sorts more
--        bounded  - text: condition on the table's column, to be followed by these two; null
--                   where the order of the key's type is not found without a search path
--        indexed  - true: an index leads to a row by its key
--
-- Calls:
--      tailrace.apply_columns, tailrace.table_oid, tailrace.own_rows
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.jsonb_build_object(
        'rows_of', tailrace.own_rows(i_dest_table),
        'bounds', pg_catalog.format(
            case when exists (
                select
                from pg_catalog.pg_attribute as a
                join pg_catalog.pg_proc as p on p.proargtypes[0] = a.atttypid and p.pronargs = 1
                where a.attrelid = tailrace.table_oid(i_dest_table) and a.attname = c.column_name
                    and p.prokind = 'a' and p.proname = 'min' and p.pronamespace = 'pg_catalog'::regnamespace)
            then 'select pg_catalog.min(%1$s), pg_catalog.max(%1$s), pg_catalog.count(%2$s) from %3$s'
            else 'select (select %1$s from %4$s order by %1$s limit 1),'
                ' (select %1$s from %4$s order by %1$s desc limit 1), pg_catalog.count(%2$s) from %3$s'
            end,
            c.staged,
            case when c.keys = 1 then 'distinct ' || c.staged else '*' end,
            case when c.keys = 1 then i_staging
                else pg_catalog.format('(select distinct %s from %s) as n', c.staged_keys, i_staging) end,
            i_staging),
        'bounded', case when c.is_builtin then pg_catalog.format('t.%I between ', c.column_name) end,
        'indexed', exists (
            select
            from pg_catalog.pg_index as x
            join pg_catalog.pg_attribute as a on a.attrelid = x.indrelid and a.attnum = x.indkey[0]
            join tailrace.apply_columns(i_dest_table, i_relation_id) as k
                on k.column_name = a.attname and k.key_number is not null
            where x.indrelid = tailrace.table_oid(i_dest_table) and x.indisvalid and x.indpred is null))
    from (
        select c.*, pg_catalog.count(*) over () as keys,
            pg_catalog.string_agg(c.staged, ', ') over () as staged_keys
        from tailrace.apply_columns(i_dest_table, i_relation_id) as c
        where c.key_number is not null
    ) as c
    where c.key_number = 1
$body$;

comment on function tailrace.key_access(text, text, text) is
    'how rows are found by their key, as far as the planner has to be told';
