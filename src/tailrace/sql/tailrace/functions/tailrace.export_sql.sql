create or replace function tailrace.export_sql(
    i_number   integer,
    i_relation text,
    i_table    text,
    i_format   text,
    i_updates  text,
    i_lenient  boolean,
    i_rows     boolean
) returns text
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.export_sql(7)
--
--      Text of the statement that writes the changes of a batch as lines of JSON. The old and the new
--      image of an update, which are two changes, come together. They follow each other among the
--      changes of a key, but for those of nested DML (a row trigger that changes the table again),
--      which are told from the inside out: of such a key only what the batch has come to is written.
--
-- Parameters:
--      i_number    - number of the table in its job (see tailrace.batch_relation)
--      i_relation  - local table, schema.table
--      i_table     - its global name
--      i_format    - debezium-json: a line for each change; changes: a line for each image, with its weight;
--                    json: a line for each new row
--      i_updates   - json: what becomes of updates and deletes; refuse or skip
--      i_lenient   - NULL in the place of what Flink has no value for
--      i_rows      - there are no changes but all rows of the table, each once
--
-- Returns:
--      COPY … TO STDOUT; raises TR030 when the table has lost its primary key. The delimiter and the quote are characters that JSON has no use for
--
-- Calls:
--      tailrace.export_columns, tailrace.key_columns
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_image   text;
    v_key     text;
    v_source  text;
    v_told    text;
    v_lines   text;
    v_removes boolean;
begin
    select '(select pg_catalog.row_to_json(tailrace_row)::text from (select '
        || pg_catalog.string_agg(e.expression || ' as ' || pg_catalog.quote_ident(e.name), ', ') || ') as tailrace_row)'
    into v_image
    from tailrace.export_columns(i_relation, i_table, i_lenient) as e;

    -- most batches only add rows, of which nothing has to be put together
    if not i_rows then
        execute pg_catalog.format('select exists (select from pg_temp.tailrace_changes_%s as c where c._weight < 0)', i_number)
        into v_removes;
    end if;
    if v_removes is not true then
        v_told := pg_catalog.format($$select c._event_id as id, c._event_id as before_id, c._time as at, %L as op, null as before, %s as after
            from pg_temp.tailrace_changes_%s as c$$, case when i_rows then 'r' else 'c' end, v_image, i_number);
    else
        select pg_catalog.string_agg('c.' || pg_catalog.quote_ident(k.name), ', ' order by k.n)
        into v_key
        from pg_catalog.unnest(tailrace.key_columns(i_relation)) with ordinality as k (name, n);
        if v_key is null then
            raise exception using errcode = 'TR030',
                message = pg_catalog.format('table "%s" has no primary key any more, so nothing tells which old and new rows belong together', i_relation),
                hint = 'give it one';
        end if;
        v_told := pg_catalog.format($$
            with changed as (
                select c._event_id as id, c._weight as weight, c._op as op, c._time as at, %s as image,
                    pg_catalog.row_to_json(row(%s))::text as key
                from pg_temp.tailrace_changes_%s as c
            ), beside as (
                select *, lag(weight) over k as prev_weight, lag(op) over k as prev_op, lag(image) over k as prev_image, lag(id) over k as prev_id,
                    lead(weight) over k as next_weight, lead(op) over k as next_op
                from changed
                window k as (partition by key order by id)
            ), known as (
                select *, op = 'U' and weight = 1 and prev_weight = -1 and prev_op = 'U' as follows,
                    op = 'U' and weight = -1 and next_weight = 1 and next_op = 'U' as is_followed,
                    bool_or(weight = prev_weight or weight = -1 and image <> prev_image) over (partition by key) as crooked
                from beside
            )
            select id, case when weight = -1 then id when follows then prev_id end as before_id, at,
                case when weight = -1 then 'd' when follows then 'u' else 'c' end as op,
                case when weight = -1 then image when follows then prev_image end as before,
                case when weight = 1 then image end as after
            from known
            where crooked is not true and is_followed is not true
            union all
            select max(id), min(first_id), max(at), case when min(weight) = 1 then 'c' when max(weight) = -1 then 'd' else 'u' end,
                min(image) filter (where weight = -1), min(image) filter (where weight = 1)
            from (
                select key, image, sum(weight) as weight, max(id) as id, min(id) as first_id, max(at) as at
                from known
                where crooked
                group by key, image
                having sum(weight) <> 0
            ) as n
            group by key$$, v_image, v_key, i_number);
    end if;

    case i_format
    when 'debezium-json' then
        v_source := pg_catalog.format('{"schema":%s,"table":%s,"ts_ms":',
            pg_catalog.to_json(pg_catalog.split_part(i_table, '.', 1)),
            pg_catalog.to_json(pg_catalog.substr(i_table, pg_catalog.strpos(i_table, '.') + 1)));
        v_lines := pg_catalog.format($$select '{"before":' || coalesce(before, 'null') || ',"after":' || coalesce(after, 'null')
                || ',"op":"' || op || '","ts_ms":' || ms || ',"source":' || %L || ms || '}}'
            from (select *, (extract(epoch from at) * 1000)::bigint as ms from (%s) as t) as l$$, v_source, v_told);
    when 'changes' then
        v_lines := pg_catalog.format($$select pg_catalog.left(image, -1) || ',"_op":"' || case op when 'u' then 'U' when 'd' then 'D' else 'I' end
                || '","_weight":' || weight || ',"_event_id":' || event_id || ',"_time":"' || (at at time zone 'UTC')::text || 'Z"}'
            from (%s) as l, lateral (values (before, -1, before_id), (after, 1, id)) as w (image, weight, event_id)
            where image is not null$$, v_told);
    else
        v_lines := pg_catalog.format('select case when op in (''c'', ''r'') then after else tailrace.refuse_change(%L, op, id) end'
            ' from (%s) as l where %s', i_table, v_told,
            case when i_updates = 'skip' then 'op in (''c'', ''r'')' else 'true' end);
    end case;
    return pg_catalog.format($$copy (%s%s) to stdout (format csv, delimiter E'\x02', quote E'\x01')$$,
        v_lines, case when not i_rows then ' order by ' || case i_format when 'changes' then 'event_id' else 'id' end end);
end;
$body$;

comment on function tailrace.export_sql(integer, text, text, text, text, boolean, boolean) is
    'text of the statement that writes the changes of a batch as lines of JSON';
