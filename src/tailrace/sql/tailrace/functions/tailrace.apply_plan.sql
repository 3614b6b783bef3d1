create or replace function tailrace.apply_plan(
    i_dest_table  text,
    i_relation_id text
) returns jsonb
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.apply_plan(2)
--
--      All statements that bring rows of one descriptor into a local table, as text. The
--      applier loads rows with the COPY texts and gives the plan back to tailrace.apply_staged.
--
-- Parameters:
--      i_dest_table   - local table
--      i_relation_id  - descriptor that the rows were written with
--
-- Returns:
--      an object of texts
--        staging, create, empty, drop - name of the staging table; statements for it
--        direct                  - COPY straight into the table; null: some column is not here
--        load_insert, load_write, load_delete, load_marked_delete - COPY into the staging table
--        the rest                - see tailrace.apply_statements, tailrace.key_access
--      Raises TR030 when rows of this descriptor cannot be brought into the table at all.
--
-- Calls:
--      tailrace.table_oid, tailrace.recall_relation, tailrace.apply_columns, tailrace.apply_statements,
--      tailrace.key_access
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_table    regclass := tailrace.table_oid(i_dest_table);
    v_relation tailrace.relation;
    v_staging  text;
    v_plan     jsonb;
    v_missing  text;
begin
    if v_table is null then
        raise exception using errcode = 'TR030',
            message = pg_catalog.format('table "%s" does not exist in database "%s"',
                i_dest_table, pg_catalog.current_database()),
            hint = 'create it, or end its replication here with: tailrace remove-table';
    end if;
    select * into v_relation from tailrace.relation as r where r.relation_id = i_relation_id;
    if not found and tailrace.recall_relation(i_relation_id) then
        select * into v_relation from tailrace.relation as r where r.relation_id = i_relation_id;
    end if;
    if v_relation is null then
        raise exception using errcode = 'TR030',
            message = pg_catalog.format('descriptor "%s" of table "%s" is not known in database "%s"',
                i_relation_id, i_dest_table, pg_catalog.current_database()),
            hint = 'copy the rows of tailrace.relation from the provider';
    end if;
    select pg_catalog.string_agg(pg_catalog.quote_ident(c.column_name), ', ' order by c.key_number)
    into v_missing
    from tailrace.apply_columns(i_dest_table, i_relation_id) as c
    where c.key_number is not null and not c.is_usable;
    if v_missing is not null or coalesce(pg_catalog.cardinality(v_relation.key_columns), 0) = 0 then
        raise exception using errcode = 'TR030',
            message = coalesce(
                pg_catalog.format('table "%s" has no column %s, which is in the key of its rows',
                    i_dest_table, v_missing),
                pg_catalog.format('rows of table "%s" were written without a key', i_dest_table)),
            hint = 'give the table the key columns that it has at the root, none of them generated';
    end if;

    v_staging := pg_catalog.format('stage_%s_%s', v_table::oid,
        pg_catalog.left(pg_catalog.md5(i_relation_id || tailrace.apply_shape(v_table)), 16));
    select pg_catalog.jsonb_build_object(
        'staging', v_staging,
        'create', pg_catalog.format(
            'create temp table if not exists %I (ev_id bigint, ev_op "char", %s) on commit delete rows', v_staging,
            pg_catalog.string_agg(c.staged || ' ' || c.staged_type, ', ' order by c.place)),
        'drop', pg_catalog.format('drop table if exists pg_temp.%I', v_staging),
        'empty', pg_catalog.format('truncate pg_temp.%I', v_staging),
        'direct', case when pg_catalog.bool_and(c.is_usable) then pg_catalog.format(
            'copy %s (%s) from stdin (format csv)', v_table,
            pg_catalog.string_agg(pg_catalog.quote_ident(c.column_name), ', ' order by c.place)) end,
        'load_insert', pg_catalog.format('copy pg_temp.%I (%s) from stdin (format csv)', v_staging,
            pg_catalog.string_agg(c.staged, ', ' order by c.place)),
        'load_write', pg_catalog.format('copy pg_temp.%I (ev_id, ev_op, %s) from stdin (format csv)', v_staging,
            pg_catalog.string_agg(c.staged, ', ' order by c.place)),
        'load_delete', pg_catalog.format('copy pg_temp.%I (%s) from stdin (format csv)', v_staging,
            pg_catalog.string_agg(c.staged, ', ' order by c.key_number) filter (where c.key_number is not null)),
        'load_marked_delete', pg_catalog.format('copy pg_temp.%I (ev_id, ev_op, %s) from stdin (format csv)', v_staging,
            pg_catalog.string_agg(c.staged, ', ' order by c.key_number) filter (where c.key_number is not null)))
    into v_plan
    from tailrace.apply_columns(i_dest_table, i_relation_id) as c;
    return v_plan || tailrace.apply_statements(i_dest_table, i_relation_id, 'pg_temp.' || v_staging)
        || tailrace.key_access(i_dest_table, i_relation_id, 'pg_temp.' || v_staging);
end;
$body$;

comment on function tailrace.apply_plan(text, text) is
    'all statements that bring rows of one descriptor into a local table, as text';
