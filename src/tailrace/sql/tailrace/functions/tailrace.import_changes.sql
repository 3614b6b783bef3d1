create or replace function tailrace.import_changes(
    i_table  regclass,
    i_fields text[],
    i_key    text[],
    out reduce_sql  text,
    out missing_sql text,
    out delete_sql  text,
    out update_sql  text,
    out insert_sql  text
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.import_changes(3)
--
--      Statements by which staged changes of rows become those of a table. With a key the last change
--      of each key counts: the row is removed, or made what it says. Without one identical rows are
--      counted, those that came against those that went, so their order does not matter.
--
-- Parameters:
--      i_table   - the table
--      i_fields  - columns that are loaded
--      i_key     - columns that tell rows apart; NULL: none
--
-- Returns:
--      reduce_sql   - what is left to do
--      missing_sql  - number of rows that delete_sql has to meet; NULL: any
--      delete_sql, update_sql, insert_sql - change the table; NULL: there is nothing that could be changed
--
-- Calls:
--      tailrace.equality, tailrace.base_type
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_rows  constant text := 'pg_temp.tailrace_import_left as l join pg_temp.tailrace_import_row as w on w.seq = l.seq';
    v_names text;
    v_old   text;
    v_new   text;
    v_keys  text;
    v_match text;
    v_sets  text;
begin
    select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by a.attnum),
        pg_catalog.string_agg(pg_catalog.format('t.%I', a.attname), ', ' order by a.attnum),
        pg_catalog.string_agg(pg_catalog.format('w.%I', a.attname), ', ' order by a.attnum),
        pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by a.attnum) filter (where a.attname = any (i_key)),
        pg_catalog.string_agg(pg_catalog.format('t.%1$I %2$s w.%1$I', a.attname, tailrace.equality(i_table, a.attnum, b.type_id)),
            ' and ' order by a.attnum) filter (where a.attname = any (i_key)),
        pg_catalog.string_agg(pg_catalog.format('%1$I = w.%1$I', a.attname), ', ' order by a.attnum)
            filter (where (a.attname = any (i_key)) is not true)
    into v_names, v_old, v_new, v_keys, v_match, v_sets
    from pg_catalog.pg_attribute as a
    cross join lateral tailrace.base_type(a.atttypid, a.atttypmod) as b
    where a.attrelid = i_table and a.attname = any (i_fields) and a.attnum > 0;

    if i_key is not null then
        reduce_sql := pg_catalog.format('insert into pg_temp.tailrace_import_left (seq, n) select distinct on (%1$s) seq, weight'
            ' from pg_temp.tailrace_import_row order by %1$s, seq desc', v_keys);
        delete_sql := pg_catalog.format('delete from %s as t using %s where l.n < 0 and %s', i_table, v_rows, v_match);
        if v_sets is not null then
            -- compared as text: not every type can be compared, and what is equal and looks otherwise counts as changed
            update_sql := pg_catalog.format('update %s as t set %s from %s where l.n > 0 and %s and row(%s)::text <> row(%s)::text',
                i_table, v_sets, v_rows, v_match, v_old, v_new);
        end if;
        insert_sql := pg_catalog.format('insert into %s (%s) overriding system value select %s from %s where l.n > 0'
            ' and not exists (select 1 from %1$s as t where %5$s) order by w.seq', i_table, v_names, v_new, v_rows, v_match);
    else
        reduce_sql := pg_catalog.format('insert into pg_temp.tailrace_import_left (seq, n) select max(seq), sum(weight)'
            ' from pg_temp.tailrace_import_row group by row(%s)::text having sum(weight) <> 0', v_names);
        missing_sql := 'select coalesce(sum(-n), 0)::bigint from pg_temp.tailrace_import_left where n < 0';
        delete_sql := pg_catalog.format('with gone as (select t.tableoid as part, t.ctid as place, -l.n as n,'
            ' row_number() over (partition by l.seq) as number from %s join %s as t on row(%s)::text = row(%s)::text'
            ' where l.n < 0) delete from %2$s as t using gone as g'
            ' where t.tableoid = g.part and t.ctid = g.place and g.number <= g.n', v_rows, i_table, v_old, v_new);
        insert_sql := pg_catalog.format('insert into %s (%s) overriding system value select %s from %s'
            ' cross join lateral pg_catalog.generate_series(1, l.n) where l.n > 0 order by w.seq', i_table, v_names, v_new, v_rows);
    end if;
end;
$body$;

comment on function tailrace.import_changes(regclass, text[], text[]) is
    'statements by which staged changes of rows become those of a table';
