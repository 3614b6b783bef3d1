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
--      image of an update, which are two changes, come together in one line. They follow each other
--      among the changes of a key, but for those of nested DML (a row trigger that changes the table
--      again), which are told from the inside out: of such a key only what the batch has come to is
--      written.
--
-- Parameters:
--      i_number    - number of the table in its job (see tailrace.batch_relation)
--      i_relation  - local table, schema.table
--      i_table     - its global name
--      i_format    - debezium-json or json
--      i_updates   - json: what becomes of updates and deletes; refuse, skip, or weigh: every image is
--                    a line of its own, with its weight
--      i_lenient   - NULL in the place of what Flink has no value for
--      i_rows      - there are no changes but all rows of the table, each once
--
-- Returns:
--      COPY … TO STDOUT; the delimiter and the quote are characters that JSON has no use for
--
-- Calls:
--      tailrace.export_columns, tailrace.key_columns
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_columns text;
    v_image   text;
    v_key     text;
    v_line    text;
    v_source  text;
    v_marks   constant text := $$, c._op as _op, c._weight as _weight, c._event_id as _event_id,
        (c._time at time zone 'UTC')::text || 'Z' as _time$$;
begin
    select pg_catalog.string_agg(e.expression || ' as ' || pg_catalog.quote_ident(e.name), ', ')
    into v_columns
    from tailrace.export_columns(i_relation, i_table, i_lenient) as e;
    v_image := pg_catalog.format('(select pg_catalog.row_to_json(r)::text from (select %s%s) as r)',
        v_columns, case when i_format = 'json' and i_updates = 'weigh' then v_marks end);
    if i_format = 'json' and (i_rows or i_updates = 'weigh') then
        return pg_catalog.format($$copy (select %s from pg_temp.tailrace_changes_%s as c order by c._event_id, c._weight)
            to stdout (format csv, delimiter E'\x02', quote E'\x01')$$, v_image, i_number);
    end if;

    v_source := pg_catalog.format('{"schema":%s,"table":%s,"ts_ms":',
        pg_catalog.to_json(pg_catalog.split_part(i_table, '.', 1)),
        pg_catalog.to_json(pg_catalog.substr(i_table, pg_catalog.strpos(i_table, '.') + 1)));
    v_line := pg_catalog.format($$'{"before":' || coalesce(before, 'null') || ',"after":' || coalesce(after, 'null')
        || ',"op":"' || op || '","ts_ms":' || ms || ',"source":' || %L || ms || '}}'$$, v_source);
    if i_rows then
        return pg_catalog.format($$copy (select %s from (select null as before, %s as after, 'r' as op,
                (extract(epoch from c._time) * 1000)::bigint as ms from pg_temp.tailrace_changes_%s as c) as l)
            to stdout (format csv, delimiter E'\x02', quote E'\x01')$$, v_line, v_image, i_number);
    end if;
    if i_format = 'json' then
        v_line := pg_catalog.format('case when op = ''c'' then after else tailrace.refuse_change(%L, op, id) end', i_table);
    end if;
    -- without a key nothing tells which images belong together
    select coalesce(pg_catalog.string_agg('c.' || pg_catalog.quote_ident(k.name), ', ' order by k.n), 'c._event_id')
    into v_key
    from pg_catalog.unnest(tailrace.key_columns(i_relation)) with ordinality as k (name, n);

    return pg_catalog.format($$copy (
        with changed as (
            select c._event_id as id, c._weight as weight, c._op as op, c._time as at, %1$s as image,
                pg_catalog.row_to_json(row(%2$s))::text as key
            from pg_temp.tailrace_changes_%3$s as c
        ), beside as (
            select *, lag(weight) over k as prev_weight, lag(op) over k as prev_op, lag(image) over k as prev_image,
                lead(weight) over k as next_weight, lead(op) over k as next_op
            from changed
            window k as (partition by key order by id)
        ), known as (
            select *, bool_or(weight = -1 and prev_weight = 1 and image <> prev_image) over (partition by key) as crooked
            from beside
        ), told as (
            select id, at, case when weight = -1 then 'd' when op = 'U' and prev_weight = -1 and prev_op = 'U' then 'u' else 'c' end as op,
                case when weight = -1 then image when op = 'U' and prev_weight = -1 and prev_op = 'U' then prev_image end as before,
                case when weight = 1 then image end as after
            from known
            where not coalesce(crooked, false)
                and not (weight = -1 and op = 'U' and next_weight is not distinct from 1 and next_op is not distinct from 'U')
            union all
            select max(id), max(at), case when min(weight) = 1 then 'c' when max(weight) = -1 then 'd' else 'u' end,
                min(image) filter (where weight = -1), min(image) filter (where weight = 1)
            from (
                select key, image, sum(weight) as weight, max(id) as id, max(at) as at
                from known
                where crooked
                group by key, image
                having sum(weight) <> 0
            ) as n
            group by key
        )
        select %4$s
        from (select id, op, before, after, (extract(epoch from at) * 1000)::bigint as ms from told) as l
        where %5$s
        order by id)
        to stdout (format csv, delimiter E'\x02', quote E'\x01')$$,
        v_image, v_key, i_number, v_line,
        case when i_format = 'json' and i_updates = 'skip' then 'op = ''c''' else 'true' end);
end;
$body$;

comment on function tailrace.export_sql(integer, text, text, text, text, boolean, boolean) is
    'text of the statement that writes the changes of a batch as lines of JSON';
