create or replace function tailrace.import_checks(
    i_table  text,
    i_format text,
    i_fields text[],
    i_key    text[],
    i_sparse boolean,
    out line_sql  text,
    out field_sql text
)
language plpgsql immutable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.import_checks(5)
--
--      Queries that find the first line of staged files that cannot be loaded, and say why.
--
-- Parameters:
--      i_table   - schema.table, as it is named to people
--      i_format  - json or debezium-json
--      i_fields  - columns that are loaded
--      i_key     - columns that tell rows apart; NULL: none
--      i_sparse  - a field that a line lacks is NULL
--
-- Returns:
--      line_sql   - line, problem: a line that is no row, or no change of one
--      field_sql  - the same for the fields; for lines that are rows or changes only
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_change text := '';
    v_null   text;
    v_bad    text;
begin
    if i_format <> 'json' then
        v_change := ' when coalesce(l.doc ->> ''op'', '''') not in (''c'', ''r'', ''u'', ''d'')'
            ' then ''says no op, which is c, r, u or d'''
            ' when l.doc ->> ''op'' = ''d'' then case when pg_catalog.jsonb_typeof(l.doc -> ''before'') is distinct from'
            ' ''object'' then ''removes a row without saying which (before)'' end'
            ' when pg_catalog.jsonb_typeof(l.doc -> ''after'') is distinct from ''object'' then'
            ' ''adds a row without saying which (after)''';
        if i_key is null then
            v_change := v_change || ' when l.doc ->> ''op'' = ''u'' and pg_catalog.jsonb_typeof(l.doc -> ''before'')'
                ' is distinct from ''object'' then ''changes a row without saying what it was (before), and the job'
                ' has no key to find it''';
        end if;
    end if;
    line_sql := 'select p.line, p.problem from (select l.line, case'
        ' when pg_catalog.jsonb_typeof(l.doc) <> ''object'' then ''is no JSON object''' || v_change
        || ' end as problem from pg_temp.tailrace_import_line as l where l.doc is not null) as p'
        ' where p.problem is not null order by p.line limit 1';

    v_bad := pg_catalog.format('i.image - %L::text[] <> ''{}''', i_fields);
    select pg_catalog.string_agg(pg_catalog.format(' when i.image ->> %L is null then %L', k.name,
            pg_catalog.format('has no value for key column "%s"', k.name)), ''),
        v_bad || coalesce(pg_catalog.string_agg(pg_catalog.format(' or i.image ->> %L is null', k.name), ''), '')
    into v_null, v_bad
    from pg_catalog.unnest(i_key) as k (name);
    if i_sparse is not true then
        v_bad := v_bad || pg_catalog.format(' or not i.image ?& %L::text[]', i_fields);
    end if;
    field_sql := pg_catalog.format('select i.line, case when i.image - %1$L::text[] <> ''{}'' then (select'
        ' pg_catalog.format(''has field "%%s", which is no column that is loaded into table "%%s"'', k.name, %2$L)'
        ' from pg_catalog.jsonb_object_keys(i.image - %1$L::text[]) as k (name) order by k.name limit 1)%3$s'
        ' else (select pg_catalog.format(''lacks field "%%s", which is a column of table "%%s"'', k.name, %2$L)'
        ' from pg_catalog.unnest(%1$L::text[]) as k (name) where not i.image ? k.name limit 1) end as problem'
        ' from pg_temp.tailrace_import_image as i where %4$s order by i.line limit 1', i_fields, i_table, v_null, v_bad);
end;
$body$;

comment on function tailrace.import_checks(text, text, text[], text[], boolean) is
    'queries that find the first line that cannot be loaded, and say why';
