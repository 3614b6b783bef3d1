create or replace function tailrace.import_target(
    i_target  text,
    i_format  text,
    i_key     text[],
    i_columns text[],
    out relation text,
    out key      text[]
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.import_target(4)
--
--      Look at a table that files are to be loaded into, and refuse what cannot be: before there is
--      a job that could only fail.
--
-- Parameters:
--      i_target   - table, schema.table; without a dot in schema public
--      i_format   - format of the files
--      i_key      - columns that tell rows apart; NULL: the primary key, if there is one
--      i_columns  - columns that are loaded; NULL: all but generated ones and identities
--
-- Returns:
--      relation  - schema.table
--      key       - columns that tell rows apart; NULL: rows are counted, or only added
--      Raises TR004 when there is no such table or column, TR009 where the caller lacks rights, TR040 with
--      the reason for what cannot be loaded.
--
-- Calls:
--      tailrace.table_oid
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_oid     regclass := tailrace.table_oid(i_target);
    v_kind    text;
    v_ours    boolean;
    v_name    text;
    v_queue   text;
    v_changes constant boolean := i_format <> 'json';
begin
    if v_oid is null then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('table "%s" does not exist in database "%s"',
                i_target, pg_catalog.current_database()),
            hint = 'create it first, with columns that are called as the fields in the files';
    end if;
    select n.nspname || '.' || c.relname, c.relkind::text || c.relpersistence::text,
        n.nspname in ('pgq', 'pgq_coop', 'pgq_node', 'tailrace', 'tailrace_capture', 'pg_catalog', 'information_schema')
    into relation, v_kind, v_ours
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.oid = v_oid;
    if v_ours or v_kind not in ('rp', 'pp') then
        raise exception using errcode = 'TR040',
            message = pg_catalog.format('"%s" cannot be the target of a job', relation),
            hint = 'a job writes into ordinary and partitioned tables, which are logged';
    end if;
    select i.queue_name into v_queue
    from tailrace.table_info as i
    join pgq_node.node_info as n on n.queue_name = i.queue_name
    where i.dest_table = relation and n.node_type <> 'root';
    if found then
        raise exception using errcode = 'TR040',
            message = pg_catalog.format('table "%s" is written by the replication of queue "%s", so files cannot be loaded into it here',
                relation, v_queue),
            hint = 'load them into the table on the root, or into a table of this database alone';
    end if;
    if not pg_catalog.has_table_privilege(v_oid, 'insert') or v_changes and not (
            pg_catalog.has_table_privilege(v_oid, 'select') and pg_catalog.has_table_privilege(v_oid, 'update')
            and pg_catalog.has_table_privilege(v_oid, 'delete')) then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('role "%s" may not write all that is needed into table "%s"', current_user, relation),
            hint = pg_catalog.format('as its owner: grant %s on %s to %I',
                case when v_changes then 'select, insert, update, delete' else 'insert' end, v_oid, current_user);
    elsif v_changes and pg_catalog.row_security_active(v_oid) then
        raise exception using errcode = 'TR040',
            message = pg_catalog.format('row security hides rows of table "%s" from role "%s", which must see them to change them',
                relation, current_user),
            hint = 'create the job as the owner of the table';
    end if;

    select u.name into v_name
    from pg_catalog.unnest(coalesce(i_columns, '{}') || coalesce(i_key, '{}')) as u (name)
    where not exists (
        select 1 from pg_catalog.pg_attribute as a
        where a.attrelid = v_oid and a.attname = u.name and a.attnum > 0 and not a.attisdropped)
    limit 1;
    if found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('table "%s" has no column "%s"', relation, v_name),
            hint = 'names are compared as they are, without quotes';
    end if;
    key := i_key;
    if v_changes and key is null then
        select pg_catalog.array_agg(a.attname::text order by k.n) into key
        from pg_catalog.pg_index as x
        cross join lateral pg_catalog.unnest(x.indkey::int2[]) with ordinality as k (attnum, n)
        join pg_catalog.pg_attribute as a on a.attrelid = x.indrelid and a.attnum = k.attnum
        where x.indrelid = v_oid and x.indisprimary and k.n <= x.indnkeyatts;
    end if;
    select u.name into v_name
    from pg_catalog.unnest(key) as u (name)
    where u.name <> all (i_columns)
    limit 1;
    if found then
        raise exception using errcode = 'TR001',
            message = pg_catalog.format('key column "%s" is not among the columns that are loaded', v_name),
            hint = 'add it to them';
    end if;
end;
$body$;

comment on function tailrace.import_target(text, text, text[], text[]) is
    'looks at a table that files are to be loaded into, and refuses what cannot be';
