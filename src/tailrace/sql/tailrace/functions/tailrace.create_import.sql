create or replace function tailrace.create_import(
    i_name    text,
    source    text,
    target    text,
    format    text default 'json',
    key       text[] default null,
    columns   text[] default null,
    sparse    boolean default false,
    poll      interval default null,
    retention interval default null
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.create_import(9)
--
--      Create a job that loads files into a table, each once: those that are there and those that
--      come. It is run by tailrace run, with the rights of who creates it. It reads no queue; its
--      place is among the jobs of this database alone (tailrace.local), and its position counts
--      the files that it has loaded.
--
-- Parameters:
--      i_name     - name of the job
--      source     - directory on the machine that runs it, as an absolute path, or a URL
--      target     - table, schema.table; without a dot in schema public
--      format     - json: each line is a row to add; debezium-json: each line is a change of a row
--      key        - debezium-json: columns that tell rows apart; NULL: the primary key, if there is one
--      columns    - columns that are loaded; NULL: all but generated ones and identities
--      sparse     - a field that a line lacks is NULL; else it is an error
--      poll       - time between two looks at the directory; NULL: as tailrace run looks for work
--      retention  - files are removed when they were loaded so long ago; NULL: never
--
-- Returns:
--      id of the job; raises TR001 for what cannot be meant, TR004 when there is no such table or column,
--      TR005 when there is a job of that name, TR040 for a table that cannot be loaded so
--
-- Calls:
--      tailrace.check_job_name, tailrace.import_target, tailrace.import_plan, tailrace.ensure_local,
--      pgq_node.register_consumer
-- Tables directly manipulated:
--      insert - tailrace.job, tailrace.job_relation
-- ----------------------------------------------------------------------
declare
    v_id     text := (select pg_catalog.encode(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()), 'hex'));
    v_source text := pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(pg_catalog.btrim(create_import.source), '^file:/+', '/'), '(.)/+$', '\1');
    v_table  text;
    v_key    text[];
    v_queue  text;
begin
    perform tailrace.check_job_name(i_name);
    if coalesce(v_source, '') !~ '^(/|[a-z][a-z0-9+.-]*://.)' then
        raise exception using errcode = 'TR001',
            message = pg_catalog.format('"%s" is neither an absolute path nor a URL', create_import.source),
            hint = 'give the directory that the files come to, such as /data/revenue or s3://bucket/revenue';
    elsif v_source ~ '^[a-z][a-z0-9+.-]*://[^/@]*:[^/@]*@' then
        raise exception using errcode = 'TR001',
            message = 'the URL holds a password, which would be shown with the job',
            hint = 'let the machine that runs the job know it: configuration of fsspec, or environment';
    elsif create_import.format is null or create_import.format not in ('json', 'debezium-json') then
        raise exception using errcode = 'TR001',
            message = pg_catalog.format('"%s" is no format of files', create_import.format),
            hint = 'json: each line is a row to add; debezium-json: each line is a change of a row';
    elsif create_import.format = 'json' and create_import.key is not null then
        raise exception using errcode = 'TR001',
            message = 'a key says which rows change, and format json only adds rows',
            hint = 'leave the key out, or load changes: format debezium-json';
    elsif create_import.poll <= interval '0' or create_import.retention < interval '0' then
        raise exception using errcode = 'TR001',
            message = 'the time between two looks is above 0, and that before files are removed not below';
    end if;

    select t.relation, t.key into v_table, v_key
    from tailrace.import_target(create_import.target, create_import.format, create_import.key,
        create_import.columns) as t;
    perform * from tailrace.import_plan(v_table, create_import.format, v_key, create_import.columns,
        create_import.sparse, current_user);

    v_queue := tailrace.ensure_local();
    insert into tailrace.job (job_id, job_name, kind, queue_name, node_name, consumer_name, settings, owner, schemas)
    select v_id, i_name, 'import', v_queue, n.node_name, i_name || '.' || pg_catalog.left(v_id, 8),
        pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
            'from', v_source, 'table', v_table, 'format', create_import.format, 'key', v_key,
            'columns', create_import.columns, 'sparse', nullif(create_import.sparse, false),
            'poll', create_import.poll, 'retention', create_import.retention)),
        current_user, (
            -- sessions of ours have an empty one, which triggers of the user do not expect
            select coalesce(nullif(s.setting, ''), s.reset_val) from pg_catalog.pg_settings as s where s.name = 'search_path')
    from pgq_node.node_info as n
    where n.queue_name = v_queue;
    insert into tailrace.job_relation (job_id, direction, relation)
    values (v_id, 'reads', v_source), (v_id, 'writes', v_table);
    perform pgq_node.register_consumer(v_queue, i_name || '.' || pg_catalog.left(v_id, 8),
        (select n.node_name from pgq_node.node_info as n where n.queue_name = v_queue), 0);
    return v_id;
end;
$body$;

comment on function tailrace.create_import(text, text, text, text, text[], text[], boolean, interval, interval) is
    'creates a job that loads files into a table, each once';
