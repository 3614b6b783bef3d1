create or replace function tailrace.export_value(
    i_type    oid,
    i_typmod  integer,
    i_value   text,
    i_table   text,
    i_column  text,
    i_lenient boolean,
    out flink_type text,
    out expression text
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.export_value(6)
--
--      How values of a type are written into JSON, and which type of Flink reads them back
--      (docs/howto/bridge.md has the list). What Flink has no value for (NaN in a DECIMAL, infinite
--      times, arrays in arrays) is refused or becomes NULL.
--
-- Parameters:
--      i_type, i_typmod   - as in pg_attribute
--      i_value            - SQL expression of the value
--      i_table, i_column  - global name of the table, and the column: for errors
--      i_lenient          - NULL in the place of what Flink has no value for
--
-- Returns:
--      flink_type  - type as written in Flink's CREATE TABLE
--      expression  - SQL expression of what pg_catalog.row_to_json writes
--
-- Calls:
--      tailrace.base_type, itself
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_base    record;
    v_type    pg_catalog.pg_type;
    v_digits  text[];
    v_element record;
    -- a template: the type of the NULL goes in
    v_refuse  text := case when i_lenient then 'null::%1$s' else pg_catalog.replace('tailrace.refuse_value('
        || pg_catalog.quote_literal(i_table) || ', ' || pg_catalog.quote_literal(i_column)
        || ', pg_catalog.format(''%s'', ' || i_value || '), null::', '%', '%%') || '%1$s)' end;
begin
    select * into v_base from tailrace.base_type(i_type, i_typmod);
    select * into strict v_type from pg_catalog.pg_type as t where t.oid = v_base.type_id;
    v_digits := pg_catalog.regexp_match(v_base.type_sql, '\((\d+)(?:,(\d+))?\)');
    expression := i_value;

    if v_type.typcategory = 'A' and v_type.typelem <> 0 then
        select * into v_element
        from tailrace.export_value(v_type.typelem, -1, 'u.e', i_table, i_column, i_lenient);
        flink_type := 'ARRAY<' || v_element.flink_type || '>';
        expression := pg_catalog.format('case when pg_catalog.array_ndims(%1$s) > 1 then %2$s when %1$s is not null then %3$s end',
            i_value, pg_catalog.format(v_refuse, 'json'),
            case when v_element.expression = 'u.e' then 'pg_catalog.to_json(' || i_value || ')'
                else pg_catalog.format('(select coalesce(pg_catalog.json_agg(%s order by u.n), ''[]'') from pg_catalog.unnest(%s)'
                    ' with ordinality as u (e, n))', v_element.expression, i_value) end);
        return;
    end if;

    flink_type := case v_type.oid
        when 'bool'::regtype then 'BOOLEAN'
        when 'int2'::regtype then 'SMALLINT'
        when 'int4'::regtype then 'INT'
        when 'int8'::regtype then 'BIGINT'
        when 'float4'::regtype then 'FLOAT'
        when 'float8'::regtype then 'DOUBLE'
        when 'oid'::regtype then 'BIGINT'
        when 'bytea'::regtype then 'BYTES'
        when 'date'::regtype then 'DATE'
        when 'timestamp'::regtype then 'TIMESTAMP(' || coalesce(v_digits[1], '6') || ')'
        when 'timestamptz'::regtype then 'TIMESTAMP_LTZ(' || coalesce(v_digits[1], '6') || ')'
        -- Flink's TIME has whole seconds
        when 'time'::regtype then case when v_digits[1] = '0' then 'TIME(0)' else 'STRING' end
        -- and its DECIMAL 38 digits
        when 'numeric'::regtype then
            case when v_digits[1]::integer <= 38 and v_digits[2]::integer <= v_digits[1]::integer
                then 'DECIMAL(' || v_digits[1] || ', ' || v_digits[2] || ')' else 'STRING' end
        else 'STRING' end;
    expression := case
        when flink_type = 'BYTES' then pg_catalog.format($$pg_catalog.translate(pg_catalog.encode(%s, 'base64'), E'\n', '')$$, i_value)
        when flink_type like 'DECIMAL%' then
            pg_catalog.format($$case when %1$s = 'NaN' then %2$s else %1$s end$$, i_value, pg_catalog.format(v_refuse, 'numeric'))
        when flink_type = 'TIME(0)' then
            pg_catalog.format($$case when %1$s = '24:00' then %2$s else %1$s::text end$$, i_value, pg_catalog.format(v_refuse, 'text'))
        when flink_type = 'DATE' or flink_type like 'TIMESTAMP%' then
            pg_catalog.format($$case when %1$s >= '0001-01-01' and %1$s < '10000-01-01' then %3$s when %1$s is not null then %2$s end$$,
                i_value, pg_catalog.format(v_refuse, 'text'),
                case when flink_type like 'TIMESTAMP_LTZ%' then pg_catalog.format($$(%s at time zone 'UTC')::text || 'Z'$$, i_value)
                    else i_value || '::text' end)
        when v_type.oid = 'oid'::regtype then i_value || '::bigint'
        when flink_type <> 'STRING' or v_type.typcategory = 'S' and v_type.typnamespace = 'pg_catalog'::regnamespace then i_value
        -- Not by a cast: somebody may have made one of his own, which would run here.
        else pg_catalog.format($$case when %1$s is distinct from null then pg_catalog.format('%%s', %1$s) end$$, i_value) end;
end;
$body$;

comment on function tailrace.export_value(oid, integer, text, text, text, boolean) is
    'how values of a type are written into JSON, and which type of Flink reads them';
