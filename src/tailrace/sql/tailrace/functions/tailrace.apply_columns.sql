create or replace function tailrace.apply_columns(
    i_dest_table  text,
    i_relation_id text,
    out place       integer,
    out column_name text,
    out staged      text,
    out staged_type text,
    out is_usable   boolean,
    out is_fixed    boolean,
    out key_number  integer,
    out equality    text,
    out is_builtin  boolean
) returns setof record
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.apply_columns(2)
--
--      How the columns of a descriptor meet those of the local table: by name. A column that
--      is missing or generated here is staged as text and goes no further.
--
-- Parameters:
--      i_dest_table   - local table
--      i_relation_id  - descriptor
--
-- Returns:
--      one row a column of the descriptor, in its order
--        staged, staged_type   - name and type (with collation) in the staging table
--        is_usable             - it can be written here
--        is_fixed              - INSERT can set it, UPDATE cannot (identity, always)
--        key_number            - place in the key; NULL: no key column
--        equality              - operator that compares it
--        is_builtin            - its order is that of pg_catalog operators
--
-- Calls:
--      tailrace.table_oid, tailrace.base_type, tailrace.equality
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select c.place::integer, c.name, 'c' || c.place,
        case when a.attnum is null then 'pg_catalog.text'
            else b.type_sql || coalesce(' collate ' || pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname), '') end,
        a.attnum is not null,
        coalesce(a.attidentity = 'a', false),
        pg_catalog.array_position(r.key_columns, c.name),
        tailrace.equality(a.attrelid, a.attnum, b.type_id),
        coalesce(t.typnamespace = 'pg_catalog'::regnamespace, false)
    from tailrace.relation as r
    cross join lateral pg_catalog.unnest(r.column_names) with ordinality as c (name, place)
    left join pg_catalog.pg_attribute as a
        on a.attrelid = tailrace.table_oid(i_dest_table) and a.attname = c.name
        and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    left join lateral tailrace.base_type(a.atttypid, a.atttypmod) as b on true
    left join pg_catalog.pg_type as t on t.oid = b.type_id
    left join pg_catalog.pg_collation as co on co.oid = nullif(a.attcollation, t.typcollation)
    left join pg_catalog.pg_namespace as cn on cn.oid = co.collnamespace
    where r.relation_id = i_relation_id
$body$;

comment on function tailrace.apply_columns(text, text) is
    'how the columns of a descriptor meet those of the local table';
