create or replace function tailrace.apply_statements(
    i_table       regclass,
    i_dest_table  text,
    i_relation_id text,
    i_staging     text
) returns jsonb
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.apply_statements(4)
--
--      The statements that take staged rows into a table. Of each key only its last event
--      counts. A key is "fresh" when some event inserted or deleted it: then its row is
--      inserted, because the deletes have gone before; else it is updated where it is.
--
-- Parameters:
--      i_table        - the local table
--      i_dest_table   - its name, as in tailrace.table_info
--      i_relation_id  - descriptor of the staged rows
--      i_staging      - staging table (trusted text)
--
-- Returns:
--      an object of texts; only_… are for staged rows of one kind, the others for mixed ones
--        clear                   - empty the table
--        keys, bounds            - key columns as staged; query for the least and greatest key,
--                                  bounded: condition on these two (null: no use)
--        delete                  - delete staged keys
--        only_update, update     - update the final rows in place
--        only_updates, updates   - query: how many final rows are updates
--        only_missing, missing   - insert the final rows of updates that were not found
--        only_insert, insert     - insert
--        only_deleted, deleted   - query: how many staged deletes should have met a row
--        present                 - query: how many rows of deleted keys are in the table
--        keep, redo_delete, redo_kept, redo_new - see tailrace.apply_again
--        again                   - true: some column cannot be updated in place
--        indexed                 - true: an index leads to a row by its key
--
-- Calls:
--      tailrace.apply_columns, tailrace.is_referenced
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_is_parent boolean := (select c.relkind = 'p' from pg_catalog.pg_class as c where c.oid = i_table);
    v_only      text := case when v_is_parent then '' else 'only ' end || i_table::text;
    v_keys      text;   -- c1, c2
    v_match     text;   -- t.id = n.c1 and …
    v_same      text;   -- k.c1 = n.c1 and …
    v_columns   text;   -- id, name
    v_values    text;   -- n.c1, n.c2
    v_set       text;   -- name = n.c2
    v_own       text;   -- columns that only the local table has
    v_kept_own  text;   -- the same as the redo remembers them: k.own_5
    v_keep      text;   -- what the redo remembers of a row: n.c1, t.note as own_5
    v_first     record;
    v_last      text;   -- final row of each key
    v_final     text;   -- the same, and whether it is fresh
    v_distinct  text;   -- how many keys
    v_fixed     boolean;
begin
    select
        pg_catalog.string_agg(c.staged, ', ' order by c.key_number) filter (where c.key_number is not null),
        pg_catalog.string_agg(pg_catalog.format('t.%I %s n.%s', c.column_name, c.equality, c.staged), ' and '
            order by c.key_number) filter (where c.key_number is not null),
        pg_catalog.string_agg(pg_catalog.format('k.%s %s n.%s', c.staged, c.equality, c.staged), ' and '
            order by c.key_number) filter (where c.key_number is not null),
        pg_catalog.string_agg(pg_catalog.quote_ident(c.column_name), ', ' order by c.place)
            filter (where c.is_usable),
        pg_catalog.string_agg('n.' || c.staged, ', ' order by c.place) filter (where c.is_usable),
        pg_catalog.string_agg(pg_catalog.format('%I = n.%s', c.column_name, c.staged), ', ' order by c.place)
            filter (where c.is_usable and c.key_number is null and not c.is_fixed),
        coalesce(pg_catalog.bool_or(c.is_fixed and c.key_number is null), false)
    into v_keys, v_match, v_same, v_columns, v_values, v_set, v_fixed
    from tailrace.apply_columns(i_dest_table, i_relation_id) as c;

    select c.column_name, c.staged, c.is_builtin into v_first
    from tailrace.apply_columns(i_dest_table, i_relation_id) as c
    where c.key_number = 1;

    select coalesce(pg_catalog.string_agg(', ' || pg_catalog.quote_ident(a.attname), '' order by a.attnum), ''),
        coalesce(pg_catalog.string_agg(', k.own_' || a.attnum, '' order by a.attnum), ''),
        pg_catalog.replace(', ' || v_keys, ', c', ', n.c')
            || coalesce(pg_catalog.string_agg(
                pg_catalog.format(', t.%I as own_%s', a.attname, a.attnum), '' order by a.attnum), '')
    into v_own, v_kept_own, v_keep
    from pg_catalog.pg_attribute as a
    where a.attrelid = i_table and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        and a.attname not in (
            select c.column_name from tailrace.apply_columns(i_dest_table, i_relation_id) as c);
    v_keep := pg_catalog.substr(v_keep, 3);

    v_distinct := pg_catalog.format('select pg_catalog.count(*) from (select distinct %s from %s) as n',
        v_keys, i_staging);
    v_last := pg_catalog.format('(select distinct on (%1$s) * from %2$s order by %1$s, ev_id desc)', v_keys, i_staging);
    v_final := pg_catalog.format($sql$(select distinct on (%1$s) *, pg_catalog.bool_or(ev_op <> 'U') over (
            partition by %1$s order by ev_id desc rows between unbounded preceding and unbounded following) as fresh
        from %2$s order by %1$s, ev_id desc)$sql$, v_keys, i_staging);

    return pg_catalog.jsonb_build_object(
        'clear', case
            when tailrace.is_referenced(i_table) then 'delete from ' || v_only
            else 'truncate ' || v_only end,
        'keys', v_keys,
        'bounds', pg_catalog.format(
            '(select %1$s from %2$s order by %1$s limit 1), (select %1$s from %2$s order by %1$s desc limit 1)',
            v_first.staged, i_staging),
        'bounded', case when v_first.is_builtin then
            pg_catalog.format('t.%I between ', v_first.column_name) end,
        'delete', pg_catalog.format($sql$delete from %1$s as t using (
            select %2$s from %3$s where ev_op is null or ev_op = 'D' order by %2$s offset 0) as n where %4$s$sql$,
            v_only, v_keys, i_staging, v_match),
        'only_deleted', v_distinct,
        'deleted', pg_catalog.format($sql$select pg_catalog.count(*) from (select from %2$s group by %1$s
            having pg_catalog.min(ev_id) filter (where ev_op = 'D')
                < coalesce(pg_catalog.min(ev_id) filter (where ev_op = 'I'), 9223372036854775807)) as n$sql$,
            v_keys, i_staging),
        'only_update', tailrace.update_sql(v_only, v_set, v_match, v_last),
        'update', tailrace.update_sql(v_only, v_set, 'not fresh and ' || v_match, v_final),
        'only_updates', v_distinct,
        'updates', pg_catalog.format('select pg_catalog.count(*) from (select from %2$s group by %1$s
            having pg_catalog.bool_and(ev_op = ''U'')) as n', v_keys, i_staging),
        'only_missing', pg_catalog.format(
            'insert into %s (%s) overriding system value select %s from %s as n where not exists (select from %s as t where %s)',
            i_table, v_columns, v_values, v_last, v_only, v_match),
        'missing', pg_catalog.format(
            'insert into %s (%s) overriding system value select %s from %s as n where not fresh and not exists (select from %s as t where %s)',
            i_table, v_columns, v_values, v_final, v_only, v_match),
        'only_insert', pg_catalog.format('insert into %s (%s) overriding system value select %s from %s as n',
            i_table, v_columns, v_values, i_staging),
        'insert', pg_catalog.format(
            'insert into %s (%s) overriding system value select %s from %s as n where fresh and ev_op <> ''D''',
            i_table, v_columns, v_values, v_final),
        'present', pg_catalog.format($sql$select pg_catalog.count(*) from %s as t
            join (select distinct %s from %s where ev_op = 'D') as n on %s$sql$,
            v_only, v_keys, i_staging, v_match),
        'keep', pg_catalog.format(
            'create temp table tailrace_kept on commit drop as select %s from %s as t join %s as n on %s where not fresh',
            v_keep, v_only, v_final, v_match),
        'redo_delete', pg_catalog.format($sql$delete from %1$s as t using (
            select %2$s from %3$s group by %2$s
            having pg_catalog.bool_or(ev_op = 'D') or not pg_catalog.bool_or(ev_op = 'I')) as n where %4$s$sql$,
            v_only, v_keys, i_staging, v_match),
        'redo_kept', pg_catalog.format(
            'insert into %s (%s%s) overriding system value select %s%s from %s as n join pg_temp.tailrace_kept as k on %s',
            i_table, v_columns, v_own, v_values, v_kept_own, v_last, v_same),
        'redo_new', pg_catalog.format(
            'insert into %s (%s) overriding system value select %s from %s as n where ev_op <> ''D'' and not exists (select from pg_temp.tailrace_kept as k where %s)',
            i_table, v_columns, v_values, v_last, v_same),
        'again', v_fixed,
        'indexed', exists (
            select
            from pg_catalog.pg_index as x
            join pg_catalog.pg_attribute as a on a.attrelid = x.indrelid and a.attnum = x.indkey[0]
            join tailrace.apply_columns(i_dest_table, i_relation_id) as c
                on c.column_name = a.attname and c.key_number is not null
            where x.indrelid = i_table and x.indisvalid and x.indpred is null));
end;
$body$;

comment on function tailrace.apply_statements(regclass, text, text, text) is
    'statements that take staged rows into a table, as text';
