create or replace function tailrace.import_columns(
    i_table   regclass,
    i_columns text[],
    i_key     text[]
) returns table (name text, field_type text, value text, is_key boolean, place integer)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.import_columns(3)
--
--      The columns that an import loads, and how each is made of the JSON that Flink writes: numbers,
--      truth, text, times and arrays as PostgreSQL itself reads JSON, bytea from base64, and JSON
--      (which Flink does not have as a type) from a string or from what else stands there.
--
-- Parameters:
--      i_table    - the table
--      i_columns  - columns that are loaded; NULL: all but generated ones, and identities outside of the key
--      i_key      - columns that tell rows apart; NULL: none
--
-- Returns:
--      name        - of the column
--      field_type  - type that the field of that name in r, a record made of the JSON, is read as
--      value       - the column's value, made of r
--      is_key      - it is one of i_key
--      place       - order in the table
--      Raises TR040 for columns that cannot be made of JSON
--
-- Calls:
--      tailrace.base_type
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_column record;
begin
    for v_column in
        select a.attname::text as name, a.attnum, a.attgenerated, b.type_id, t.typelem, t.typtype,
            pg_catalog.format_type(a.atttypid, a.atttypmod) as type_sql,
            exists (
                select 1 from pg_catalog.pg_attribute as p
                where p.attrelid = nullif(t.typrelid, 0) and p.attnum > 0 and not p.attisdropped
                    and p.atttypid = 'pg_catalog.bytea'::regtype) as has_bytes
        from pg_catalog.pg_attribute as a
        cross join lateral tailrace.base_type(a.atttypid, a.atttypmod) as b
        join pg_catalog.pg_type as t on t.oid = b.type_id
        where a.attrelid = i_table and a.attnum > 0 and not a.attisdropped
            and case when i_columns is null then a.attgenerated = '' and (a.attidentity = '' or a.attname = any (i_key))
                else a.attname = any (i_columns) end
        order by a.attnum
    loop
        if v_column.attgenerated <> '' then
            raise exception using errcode = 'TR040',
                message = pg_catalog.format('column "%s" of table "%s" is generated and cannot be loaded', v_column.name, i_table),
                hint = 'leave it out of the columns';
        elsif v_column.has_bytes or v_column.typelem = 'pg_catalog.bytea'::regtype then
            raise exception using errcode = 'TR040',
                message = pg_catalog.format('column "%s" of table "%s" has type %s, whose bytes would have to be found in JSON',
                    v_column.name, i_table, v_column.type_sql),
                hint = 'bytes are loaded into columns of type bytea only';
        end if;
        name := v_column.name;
        place := v_column.attnum;
        is_key := coalesce(name = any (i_key), false);
        if v_column.type_id = 'pg_catalog.bytea'::regtype then
            field_type := 'text';
            value := pg_catalog.format('pg_catalog.decode(r.%I, ''base64'')::%s', name, v_column.type_sql);
        elsif v_column.type_id in ('pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype) then
            field_type := 'jsonb';
            value := pg_catalog.format('case pg_catalog.jsonb_typeof(r.%1$I) when ''string'' then (r.%1$I #>> ''{}'')::%2$s'
                ' else r.%1$I::%2$s end', name, v_column.type_sql);
        else
            field_type := v_column.type_sql;
            value := pg_catalog.format('r.%I', name);
        end if;
        return next;
    end loop;
    if name is null then
        raise exception using errcode = 'TR040',
            message = pg_catalog.format('table "%s" has no column that could be loaded', i_table);
    end if;
end;
$body$;

comment on function tailrace.import_columns(regclass, text[], text[]) is
    'the columns that an import loads, and how each is made of JSON';
