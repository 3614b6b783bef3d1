create or replace function tailrace.job_relation_named(
    i_schema text,
    i_name   text,
    i_queue  text,
    out relation     text,
    out kind         text,
    out queue_name   text,
    out table_name   text,
    out state        text,
    out column_names text[],
    out may_read     boolean,
    out is_ours      boolean,
    out has_security boolean
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.job_relation_named(3)
--
--      What a name in the statement of a job means, with the caller's search path: which relation,
--      and which queue carries its changes.
--
-- Parameters:
--      i_schema  - schema as written; NULL: none was. 'changes': the name may hold a schema and a dot
--      i_name    - name as written
--      i_queue   - queue that is meant, where several replicate the table; NULL: none was named
--
-- Returns:
--      relation      - schema.table; NULL: there is none
--      kind          - relkind; t: temporary or unlogged
--      queue_name, table_name, state - where a cascade replicates it; '*': several do
--      column_names  - its columns, generated ones left out
--      may_read      - the caller may read it
--      is_ours       - it belongs to tailrace or to the system
--      has_security  - row security hides rows of it from the caller
--
-- Calls:
--      tailrace.table_oid
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_oid regclass;
begin
    if i_schema = 'changes' then
        v_oid := coalesce(pg_catalog.to_regclass(pg_catalog.quote_ident(i_name)),
            case when pg_catalog.strpos(i_name, '.') > 0 then tailrace.table_oid(i_name) end);
    else
        v_oid := pg_catalog.to_regclass(
            coalesce(pg_catalog.quote_ident(i_schema) || '.', '') || pg_catalog.quote_ident(i_name));
    end if;
    if v_oid is null then
        return;
    end if;
    select n.nspname || '.' || c.relname,
        case when c.relpersistence <> 'p' then 't' else c.relkind::text end,
        n.nspname in ('pgq', 'pgq_coop', 'pgq_node', 'tailrace', 'tailrace_capture', 'pg_catalog', 'information_schema')
            or n.nspname like 'pg\_toast%',
        pg_catalog.has_table_privilege(c.oid, 'select'),
        pg_catalog.row_security_active(c.oid)
    into relation, kind, is_ours, may_read, has_security
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.oid = v_oid;
    select pg_catalog.array_agg(a.attname::text order by a.attnum) into column_names
    from pg_catalog.pg_attribute as a
    where a.attrelid = v_oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '';
    select case when pg_catalog.count(*) > 1 then '*' else pg_catalog.min(i.queue_name) end,
        pg_catalog.min(i.table_name), pg_catalog.min(i.state)
    into queue_name, table_name, state
    from tailrace.table_info as i
    where i.queue_name <> 'tailrace.local' and i.dest_table = relation and i.queue_name = coalesce(i_queue, i.queue_name);
end;
$body$;

comment on function tailrace.job_relation_named(text, text, text) is
    'what a name in the statement of a job means here';
