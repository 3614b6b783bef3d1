create or replace function tailrace.batch_relation(
    i_number integer,
    i_table  text,
    i_marked boolean,
    i_rows   boolean,
    i_reader text
) returns table (name text, make_sql text)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.batch_relation(5)
--
--      Statements that make what changes.<table> means in the session of a SQL job: a temporary view
--      over temporary tables that every commit empties. Rows of one weight come into a table of their
--      own, so that nothing but the row itself has to travel; only where event id, operation or time
--      may be asked for, all come into one table, marked.
--
-- Parameters:
--      i_number  - number of the table in its job
--      i_table   - local table, schema.table: the changes have its columns
--      i_marked  - see above
--      i_rows    - the view shows all rows of the table itself as added, instead
--      i_reader  - role that reads the view
--
-- Returns:
--      name      - of the view
--      make_sql  - makes it
--      Raises TR030 when there is no such table, TR040 when a column has the name of a mark.
--
-- Calls:
--      tailrace.table_oid, tailrace.base_type
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_table  regclass := tailrace.table_oid(i_table);
    v_defs   text;
    v_names  text;
    v_mark   text;
    v_source text;
begin
    if v_table is null then
        raise exception using errcode = 'TR030',
            message = pg_catalog.format('table "%s", whose changes are read, does not exist in database "%s" any more',
                i_table, pg_catalog.current_database()),
            hint = 'make it again, or drop the job';
    end if;
    -- what a row of before the column was added holds in it, as PostgreSQL itself sees such a row
    select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname) || ' ' || b.type_sql
            || case when a.attcollation <> t.typcollation then (
                select ' collate ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(o.collname)
                from pg_catalog.pg_collation as o
                join pg_catalog.pg_namespace as n on n.oid = o.collnamespace
                where o.oid = a.attcollation) else '' end
            || case when a.atthasmissing then ' default '
                || pg_catalog.quote_literal((a.attmissingval::text::text[])[1]) else '' end, ', ' order by a.attnum),
        pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by a.attnum),
        pg_catalog.min(a.attname::text) filter (where a.attname in ('_weight', '_op', '_event_id', '_time'))
    into v_defs, v_names, v_mark
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t on t.oid = a.atttypid
    cross join lateral tailrace.base_type(a.atttypid, a.atttypmod) as b
    where a.attrelid = v_table and a.attnum > 0 and not a.attisdropped and a.attgenerated = '';
    if v_mark is not null then
        raise exception using errcode = 'TR040',
            message = pg_catalog.format('table "%s" has a column "%s", which is a name that its changes need', i_table, v_mark),
            hint = 'changes have the columns of the table and _weight, _op, _event_id, _time';
    end if;

    name := 'tailrace_changes_' || i_number;
    if i_rows then
        make_sql := '';
        v_source := pg_catalog.format('select %s, 1 as _weight, ''I''::text as _op, 0::bigint as _event_id,'
            ' pg_catalog.now() as _time from %s', v_names, v_table);
    elsif i_marked then
        make_sql := pg_catalog.format('create temp table tailrace_changed_%s (_event_id bigint, _op text, _weight integer,'
            ' _time timestamptz, %s) on commit delete rows;', i_number, v_defs);
        v_source := pg_catalog.format('select %s, _weight, _op, _event_id, _time from pg_temp.tailrace_changed_%s',
            v_names, i_number);
    else
        make_sql := pg_catalog.format('create temp table tailrace_added_%1$s (%2$s) on commit delete rows;'
            ' create temp table tailrace_removed_%1$s (%2$s) on commit delete rows;', i_number, v_defs);
        v_source := pg_catalog.format('select %1$s, 1 as _weight, null::text as _op, null::bigint as _event_id,'
            ' null::timestamptz as _time from pg_temp.tailrace_added_%2$s union all'
            ' select %1$s, -1, null, null, null from pg_temp.tailrace_removed_%2$s', v_names, i_number);
    end if;
    make_sql := make_sql || pg_catalog.format(' create temp view %s as %s; grant select on pg_temp.%1$s to %3$I',
        name, v_source, i_reader);
    return next;
end;
$body$;

comment on function tailrace.batch_relation(integer, text, boolean, boolean, text) is
    'statements that make what changes.<table> means in a session';
