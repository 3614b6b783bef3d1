create or replace function tailrace.savepoint_content(
    i_savepoint_id text,
    out tick_id     bigint,
    out table_name  text,
    out local_table text,
    out state       text,
    out expected    bigint
) returns setof record
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.savepoint_content(1)
--
--      What a savepoint holds. Read in the snapshot that its rows are read in, so that rows and
--      position belong together.
--
-- Parameters:
--      i_savepoint_id  - id of the savepoint
--
-- Returns:
--      tick_id      - completed tick of the job; the same in all rows
--      table_name, local_table, state - see tailrace.job_tables; NULL: the job owns none
--      expected     - planner's estimate of its rows; NULL: unknown
--      no row when the job is gone
--
-- Calls:
--      tailrace.job_tables, tailrace.table_oid
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select p.last_tick_id, t.table_name, t.local_table, t.state,
        (select pg_catalog.sum(c.reltuples)::bigint
            from pg_catalog.pg_class as c
            where c.relkind = 'r' and c.reltuples >= 0
                and c.oid in (select tailrace.table_oid(t.local_table)::oid union all
                    select q.relid from pg_catalog.pg_partition_tree(tailrace.table_oid(t.local_table)) as q))
    from tailrace.savepoint as s
    join pgq_node.local_state as p on p.queue_name = s.queue_name and p.consumer_name = s.consumer_name
    left join lateral tailrace.job_tables(s.job_id) as t on true
    where s.savepoint_id = i_savepoint_id
    order by t.table_name;
$body$;

comment on function tailrace.savepoint_content(text) is 'what a savepoint holds, seen in its snapshot';
