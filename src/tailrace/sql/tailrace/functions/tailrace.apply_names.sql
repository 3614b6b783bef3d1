create or replace function tailrace.apply_names(
    i_dest_table  text,
    i_relation_id text,
    out target   text,
    out rows_of  text,
    out keys     text,
    out match    text,
    out same     text,
    out columns  text,
    out values_  text,
    out assigned text,
    out own      text,
    out own_kept text,
    out keep     text,
    out is_fixed boolean
)
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.apply_names(2)
--
--      Lists of columns, quoted, as statements need them that take staged rows into a table;
--      n stands for the staged rows, t for the table, k for rows that a redo has kept.
--
-- Parameters:
--      i_dest_table   - local table
--      i_relation_id  - descriptor of the staged rows
--
-- Returns:                          for example
--      target, rows_of            - public.a; only public.a
--      keys, match, same          - c1; t.id = n.c1; k.c1 = n.c1
--      columns, values_           - id, name; n.c1, n.c2
--      assigned                   - name = n.c2; NULL: there is nothing but the key
--      own, own_kept              - columns that only the local table has: , note; , k.own_3
--      keep                       - what a redo keeps: n.c1, t.note as own_3
--      is_fixed                   - some column can be inserted and not updated
--
-- Calls:
--      tailrace.apply_columns, tailrace.table_oid, tailrace.own_rows
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    with shared as (
        select
            pg_catalog.string_agg(c.staged, ', ' order by c.key_number)
                filter (where c.key_number is not null) as keys,
            pg_catalog.string_agg('n.' || c.staged, ', ' order by c.key_number)
                filter (where c.key_number is not null) as staged_keys,
            pg_catalog.string_agg(pg_catalog.format('t.%I %s n.%s', c.column_name, c.equality, c.staged), ' and '
                order by c.key_number) filter (where c.key_number is not null) as match,
            pg_catalog.string_agg(pg_catalog.format('k.%s %s n.%s', c.staged, c.equality, c.staged), ' and '
                order by c.key_number) filter (where c.key_number is not null) as same,
            pg_catalog.string_agg(pg_catalog.quote_ident(c.column_name), ', ' order by c.place)
                filter (where c.is_usable) as columns,
            pg_catalog.string_agg('n.' || c.staged, ', ' order by c.place)
                filter (where c.is_usable) as values_,
            pg_catalog.string_agg(pg_catalog.format('%I = n.%s', c.column_name, c.staged), ', ' order by c.place)
                filter (where c.is_usable and c.key_number is null and not c.is_fixed) as assigned,
            pg_catalog.bool_or(c.is_fixed and c.key_number is null) as is_fixed,
            pg_catalog.array_agg(c.column_name) as names
        from tailrace.apply_columns(i_dest_table, i_relation_id) as c
    ), own as (
        select
            pg_catalog.string_agg(', ' || pg_catalog.quote_ident(a.attname), '' order by a.attnum) as own,
            pg_catalog.string_agg(', k.own_' || a.attnum, '' order by a.attnum) as own_kept,
            pg_catalog.string_agg(pg_catalog.format(', t.%I as own_%s', a.attname, a.attnum), ''
                order by a.attnum) as keep
        from pg_catalog.pg_attribute as a
        cross join shared
        where a.attrelid = tailrace.table_oid(i_dest_table) and a.attnum > 0 and not a.attisdropped
            and a.attgenerated = '' and a.attname <> all (shared.names)
    )
    select tailrace.table_oid(i_dest_table)::text, tailrace.own_rows(i_dest_table),
        shared.keys, shared.match, shared.same, shared.columns, shared.values_, shared.assigned,
        coalesce(own.own, ''), coalesce(own.own_kept, ''), shared.staged_keys || coalesce(own.keep, ''),
        shared.is_fixed
    from shared
    cross join own
$body$;

comment on function tailrace.apply_names(text, text) is
    'lists of columns as statements need them that take staged rows into a table';
