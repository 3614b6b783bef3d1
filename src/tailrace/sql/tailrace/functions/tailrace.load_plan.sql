create or replace function tailrace.load_plan(
    i_table   text,
    i_columns text[],
    i_types   text[],
    i_key     text[],
    out create_sql text,
    out copy_sql   text,
    out take_sql   text
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.load_plan(4)
--
--      How rows that were written from a table of some shape come into a table of today's. The same
--      columns with the same types take them directly. Where columns were added since, the rows get
--      their defaults; dropped ones are left out; other types are made from the text.
--
-- Parameters:
--      i_table    - local table, schema.table, unquoted
--      i_columns  - columns of the rows, in order
--      i_types    - their types, as text
--      i_key      - primary key at the time; NULL: none
--
-- Returns:
--      create_sql  - makes a temporary table that takes the rows; NULL: not needed
--      copy_sql    - takes them
--      take_sql    - brings them on into the table; NULL: they are there
--      Raises TR009 with the reason when they do not fit.
--
-- Calls:
--      tailrace.table_oid, tailrace.key_columns, tailrace.copy_in_sql
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_table   constant regclass := tailrace.table_oid(i_table);
    v_key     constant text[] := tailrace.key_columns(i_table);
    v_problem text;
    v_direct  boolean;
    v_kept    text;
    v_values  text;
begin
    if v_table is null then
        v_problem := 'it does not exist here any more';
    elsif v_key is distinct from i_key then
        v_problem := pg_catalog.format('its key was (%s) and is (%s)',
            pg_catalog.array_to_string(i_key, ', '), pg_catalog.array_to_string(v_key, ', '));
    else
        select pg_catalog.format('column "%s" is NOT NULL without default and was not there', a.attname)
        into v_problem
        from pg_catalog.pg_attribute as a
        where a.attrelid = v_table and a.attnum > 0 and not a.attisdropped and a.attnotnull
            and not a.atthasdef and a.attidentity = '' and a.attname::text <> all (i_columns)
        order by a.attnum
        limit 1;
    end if;
    if v_problem is not null then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('table "%s" in database "%s" no longer fits the savepoint: %s',
                i_table, pg_catalog.current_database(), v_problem),
            hint = 'give it a shape that takes the rows, or go on without the savepoint';
    end if;

    select coalesce(pg_catalog.bool_and(a.attname is not null
            and pg_catalog.format_type(a.atttypid, a.atttypmod) = c.type), false),
        pg_catalog.string_agg(pg_catalog.quote_ident(c.name), ', ' order by c.n) filter (where a.attname is not null),
        pg_catalog.string_agg(pg_catalog.format('l.%I::%s', c.name, pg_catalog.format_type(a.atttypid, a.atttypmod)),
            ', ' order by c.n) filter (where a.attname is not null)
    into v_direct, v_kept, v_values
    from unnest(i_columns, i_types) with ordinality as c (name, type, n)
    left join pg_catalog.pg_attribute as a
        on a.attrelid = v_table and a.attname::text = c.name and a.attnum > 0 and not a.attisdropped
        and a.attgenerated = '';
    if v_direct then
        copy_sql := tailrace.copy_in_sql(i_table, i_columns);
        return;
    end if;
    if v_kept is null then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('table "%s" in database "%s" no longer fits the savepoint: it has none of its columns',
                i_table, pg_catalog.current_database());
    end if;
    select pg_catalog.format('create temporary table tailrace_load (%s) on commit drop',
        pg_catalog.string_agg(pg_catalog.quote_ident(c.name) || ' text', ', ' order by c.n))
    into create_sql
    from unnest(i_columns) with ordinality as c (name, n);
    copy_sql := tailrace.copy_in_sql('pg_temp.tailrace_load', i_columns);
    take_sql := pg_catalog.format('insert into %s (%s) overriding system value select %s from pg_temp.tailrace_load as l; drop table pg_temp.tailrace_load',
        v_table, v_kept, v_values);
end;
$body$;

comment on function tailrace.load_plan(text, text[], text[], text[]) is
    'how rows of an older shape come into a table of today''s';
