create or replace function tailrace.add_sql_job(
    i_name      text,
    i_statement text,
    i_settings  jsonb,
    i_schemas   text,
    i_queue     text,
    i_snapshot  boolean,
    i_relations jsonb,
    i_program   jsonb
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.add_sql_job(8)
--
--      Write a SQL job down and give it its place among the consumers of the node. Where the queue
--      is in this database it is registered there at once, so from here on nothing that it will
--      need goes away; on a leaf that comes after the commit (tailrace.begin_sql_job). The checks
--      that need the statements' meaning have been made by who calls.
--
-- Parameters:
--      i_name       - name of the job
--      i_statement  - its statements, as written
--      i_settings   - what stood in WITH (…)
--      i_schemas    - search path that the names in it are meant with
--      i_queue      - queue whose changes it reads
--      i_snapshot   - it begins with the rows that are there
--      i_relations  - array of objects with the columns of tailrace.job_relation
--      i_program    - sources and statements as they are run
--
-- Returns:
--      id of the job; raises TR001 for a name that cannot be one, TR005 when there is a job of that name,
--      TR004 when the queue has no node here
--
-- Calls:
--      tailrace.check_job_name, pgq.register_consumer_at, pgq_node.register_consumer
-- Tables directly manipulated:
--      insert - tailrace.job, tailrace.job_relation
-- ----------------------------------------------------------------------
declare
    v_id       text := (select pg_catalog.encode(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()), 'hex'));
    v_node     pgq_node.node_info;
    v_consumer text;
    v_provider text;
    v_tick     bigint;
begin
    perform tailrace.check_job_name(i_name);
    select n.* into v_node from pgq_node.node_info as n where n.queue_name = i_queue;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('queue "%s" has no node in database "%s"',
                i_queue, pg_catalog.current_database());
    end if;
    v_consumer := i_name || '.' || pg_catalog.left(v_id, 8);

    -- where the rows are now, if it begins with them, or else where the queue is
    select s.provider_node, s.last_tick_id into v_provider, v_tick
    from pgq_node.local_state as s
    where s.queue_name = i_queue
        and s.consumer_name = coalesce(case when i_snapshot then tailrace.applying_consumer(i_queue) end, v_node.worker_name);
    if v_node.node_type <> 'leaf' then
        v_provider := v_node.node_name;
        if v_tick is null or not i_snapshot or v_node.node_type = 'root' then
            v_tick := (select pg_catalog.max(t.tick_id)
                from pgq.tick as t
                join pgq.queue as q on q.queue_id = t.tick_queue
                where q.queue_name = i_queue);
        end if;
        perform pgq.register_consumer_at(i_queue, v_consumer, v_tick);
    end if;

    insert into tailrace.job (job_id, job_name, kind, queue_name, node_name, consumer_name, statement, settings,
        owner, schemas, wants_snapshot, program)
    values (v_id, i_name, 'sql', i_queue, v_node.node_name, v_consumer, i_statement, i_settings,
        current_user, i_schemas, i_snapshot, i_program);
    insert into tailrace.job_relation (job_id, direction, relation, is_changes, queue_name, table_name, column_names)
    select v_id, r.direction, r.relation, r.is_changes, r.queue_name, r.table_name, r.column_names
    from pg_catalog.jsonb_to_recordset(i_relations) as r (direction text, relation text, is_changes boolean,
        queue_name text, table_name text, column_names text[]);
    perform pgq_node.register_consumer(i_queue, v_consumer, v_provider, v_tick);
    return v_id;
end;
$body$;

comment on function tailrace.add_sql_job(text, text, jsonb, text, text, boolean, jsonb, jsonb) is
    'writes a SQL job down and gives it its place among the consumers of its node';
