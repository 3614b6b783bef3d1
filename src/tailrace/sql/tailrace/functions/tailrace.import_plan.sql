create or replace function tailrace.import_plan(
    i_table   text,
    i_format  text,
    i_key     text[],
    i_columns text[],
    i_sparse  boolean,
    i_owner   text,
    out shape       text,
    out make_sql    text,
    out copy_sql    text,
    out line_sql    text,
    out field_sql   text,
    out convert_sql text,
    out part_sql    text,
    out reduce_sql  text,
    out missing_sql text,
    out delete_sql  text,
    out update_sql  text,
    out insert_sql  text
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.import_plan(6)
--
--      The statements by which the session of an import loads files into a table: lines by COPY, what
--      is wrong with them, their conversion into rows of the table's types, and the change of the table.
--
-- Parameters:
--      i_table    - schema.table
--      i_format   - json: each line is a row to add; debezium-json: each line is a change of a row
--      i_key      - columns that tell rows apart; NULL: none
--      i_columns  - columns that are loaded; NULL: see tailrace.import_columns
--      i_sparse   - a field that a line lacks is NULL
--      i_owner    - role that everything but the COPY is done as
--
-- Returns:
--      shape        - tailrace.apply_shape(); another one: another plan is needed
--      make_sql     - makes the places in the session
--      copy_sql     - takes lines
--      line_sql, field_sql - see tailrace.import_checks
--      convert_sql  - makes rows of all lines
--      part_sql     - the same of lines tailrace.import_first to tailrace.import_last
--      reduce_sql, missing_sql, delete_sql, update_sql, insert_sql - see tailrace.import_changes
--      Raises TR030 when there is no such table, TR040 when it cannot be loaded so.
--
-- Calls:
--      tailrace.table_oid, tailrace.apply_shape, tailrace.import_columns, tailrace.import_staging,
--      tailrace.import_checks, tailrace.import_changes
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_table  regclass := tailrace.table_oid(i_table);
    v_names  text;
    v_fields text[];
    v_types  text;
    v_defs   text;
    v_values text;
    v_keys   text;
begin
    if v_table is null then
        raise exception using errcode = 'TR030',
            message = pg_catalog.format('table "%s", into which files are loaded, does not exist in database "%s" any more',
                i_table, pg_catalog.current_database()),
            hint = 'make it again, or drop the job';
    end if;
    select pg_catalog.string_agg(pg_catalog.quote_ident(c.name), ', ' order by c.place),
        pg_catalog.array_agg(c.name order by c.place),
        pg_catalog.string_agg(pg_catalog.quote_ident(c.name) || ' ' || c.field_type, ', ' order by c.place),
        pg_catalog.string_agg(pg_catalog.format('%I %s', c.name, pg_catalog.format_type(a.atttypid, a.atttypmod))
            || case when a.attcollation <> t.typcollation then (
                select ' collate ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(o.collname)
                from pg_catalog.pg_collation as o
                join pg_catalog.pg_namespace as n on n.oid = o.collnamespace
                where o.oid = a.attcollation) else '' end, ', ' order by c.place),
        pg_catalog.string_agg(c.value, ', ' order by c.place),
        pg_catalog.string_agg(pg_catalog.quote_ident(c.name), ', ' order by c.place) filter (where c.is_key)
    into v_names, v_fields, v_types, v_defs, v_values, v_keys
    from tailrace.import_columns(v_table, i_columns, i_key) as c
    join pg_catalog.pg_attribute as a on a.attrelid = v_table and a.attnum = c.place
    join pg_catalog.pg_type as t on t.oid = a.atttypid;
    if v_keys is not null then
        begin
            execute pg_catalog.format('select %1$s from %2$s order by %1$s limit 0', v_keys, v_table);
        exception when undefined_function then
            raise exception using errcode = 'TR040',
                message = pg_catalog.format('the key (%s) of table "%s" has a type whose values have no order', v_keys, i_table),
                hint = 'name other columns as the key';
        end;
    end if;

    shape := tailrace.apply_shape(v_table);
    make_sql := tailrace.import_staging(i_format, v_defs, i_owner);
    -- JSON holds no control characters, so none of these stands for itself in a line
    copy_sql := 'copy pg_temp.tailrace_import_line (doc) from stdin'
        ' (format csv, delimiter e''\x01'', quote e''\x02'', escape e''\x02'', null '''', encoding ''UTF8'')';
    select c.line_sql, c.field_sql into line_sql, field_sql
    from tailrace.import_checks(i_table, i_format, v_fields, i_key, i_sparse) as c;
    convert_sql := pg_catalog.format('insert into pg_temp.tailrace_import_row (seq, weight, %s)'
        ' select i.line * 2 + i.step, i.weight, %s from pg_temp.tailrace_import_image as i'
        ' cross join lateral pg_catalog.jsonb_to_record(i.image) as r (%s)', v_names, v_values, v_types);
    part_sql := convert_sql || ' where i.line between pg_catalog.current_setting(''tailrace.import_first'')::bigint'
        ' and pg_catalog.current_setting(''tailrace.import_last'')::bigint';
    if i_format = 'json' then
        insert_sql := pg_catalog.format('insert into %s (%s) overriding system value select %2$s'
            ' from pg_temp.tailrace_import_row order by seq', v_table, v_names);
        return;
    end if;
    select c.reduce_sql, c.missing_sql, c.delete_sql, c.update_sql, c.insert_sql
    into reduce_sql, missing_sql, delete_sql, update_sql, insert_sql
    from tailrace.import_changes(v_table, v_fields, i_key) as c;
end;
$body$;

comment on function tailrace.import_plan(text, text, text[], text[], boolean, text) is
    'the statements by which an import loads files into a table';
