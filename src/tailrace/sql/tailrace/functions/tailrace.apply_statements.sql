create or replace function tailrace.apply_statements(
    i_dest_table  text,
    i_relation_id text,
    i_staging     text
) returns jsonb
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.apply_statements(3)
--
--      The statements that take staged rows into a table. Of each key only its last event
--      counts. A key is "fresh" when some event inserted or deleted it: then its row is
--      inserted, because the deletes have gone before; else it is updated where it is.
--
-- Parameters:
--      i_dest_table   - local table
--      i_relation_id  - descriptor of the staged rows
--      i_staging      - staging table (trusted text)
--
-- Returns:
--      an object of texts; only_… are for staged rows of one kind, the others for mixed ones
--        delete                  - delete staged keys
--        only_update, update     - update the final rows in place
--        only_updates, updates   - query: how many final rows are updates
--        only_missing, missing   - insert the final rows of updates that were not found
--        only_insert, insert     - insert
--        only_deleted, deleted   - query: how many staged deletes should have met a row
--        present                 - query: how many rows of deleted keys are in the table
--        keep, redo_delete, redo_kept, redo_new - see tailrace.apply_again
--        again                   - true: some column cannot be updated in place
--
-- Calls:
--      tailrace.apply_names
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_names    record;
    v_distinct text;   -- how many keys
    v_last     text;   -- final row of each key
    v_final    text;   -- the same, and whether it is fresh
    v_insert   text;
    v_missing  text;
begin
    select * into v_names from tailrace.apply_names(i_dest_table, i_relation_id);
    v_distinct := pg_catalog.format('select pg_catalog.count(*) from (select distinct %s from %s) as n',
        v_names.keys, i_staging);
    v_last := pg_catalog.format('(select distinct on (%1$s) * from %2$s order by %1$s, ev_id desc) as n',
        v_names.keys, i_staging);
    v_final := pg_catalog.format($sql$(select distinct on (%1$s) *, pg_catalog.bool_or(ev_op <> 'U') over (
            partition by %1$s order by ev_id desc rows between unbounded preceding and unbounded following) as fresh
        from %2$s order by %1$s, ev_id desc) as n$sql$, v_names.keys, i_staging);
    v_insert := pg_catalog.format('insert into %s (%s) overriding system value select %s from ',
        v_names.target, v_names.columns, v_names.values_);
    v_missing := pg_catalog.format('not exists (select from %s as t where %s)', v_names.rows_of, v_names.match);

    return pg_catalog.jsonb_build_object(
        'delete', pg_catalog.format($sql$delete from %1$s as t using (
            select %2$s from %3$s where ev_op is null or ev_op = 'D' order by %2$s offset 0) as n where %4$s$sql$,
            v_names.rows_of, v_names.keys, i_staging, v_names.match),
        'only_deleted', v_distinct,
        'deleted', pg_catalog.format($sql$select pg_catalog.count(*) from (select from %2$s group by %1$s
            having pg_catalog.min(ev_id) filter (where ev_op = 'D')
                < coalesce(pg_catalog.min(ev_id) filter (where ev_op = 'I'), 9223372036854775807)) as n$sql$,
            v_names.keys, i_staging),
        'only_update', tailrace.update_sql(v_names.rows_of, v_names.assigned, v_names.match, v_last),
        'update', tailrace.update_sql(v_names.rows_of, v_names.assigned, 'not fresh and ' || v_names.match, v_final),
        'only_updates', v_distinct,
        'updates', pg_catalog.format('select pg_catalog.count(*) from (select from %2$s group by %1$s
            having pg_catalog.bool_and(ev_op = ''U'')) as n', v_names.keys, i_staging),
        'only_missing', v_insert || v_last || ' where ' || v_missing,
        'missing', v_insert || v_final || ' where not fresh and ' || v_missing,
        'only_insert', v_insert || i_staging || ' as n',
        'insert', v_insert || v_final || ' where fresh and ev_op <> ''D''',
        'present', pg_catalog.format($sql$select pg_catalog.count(*) from %s as t
            join (select distinct %s from %s where ev_op = 'D') as n on %s$sql$,
            v_names.rows_of, v_names.keys, i_staging, v_names.match),
        'keep', pg_catalog.format(
            'create temp table tailrace_kept on commit drop as select %s from %s as t join %s on %s where not fresh',
            v_names.keep, v_names.rows_of, v_final, v_names.match),
        'redo_delete', pg_catalog.format($sql$delete from %1$s as t using (
            select %2$s from %3$s group by %2$s
            having pg_catalog.bool_or(ev_op = 'D') or not pg_catalog.bool_or(ev_op = 'I')) as n where %4$s$sql$,
            v_names.rows_of, v_names.keys, i_staging, v_names.match),
        'redo_kept', pg_catalog.format(
            'insert into %s (%s%s) overriding system value select %s%s from %s join pg_temp.tailrace_kept as k on %s',
            v_names.target, v_names.columns, v_names.own, v_names.values_, v_names.own_kept, v_last, v_names.same),
        'redo_new', pg_catalog.format(
            '%s%s where ev_op <> ''D'' and not exists (select from pg_temp.tailrace_kept as k where %s)',
            v_insert, v_last, v_names.same),
        'again', v_names.is_fixed);
end;
$body$;

comment on function tailrace.apply_statements(text, text, text) is
    'statements that take staged rows into a table, as text';
