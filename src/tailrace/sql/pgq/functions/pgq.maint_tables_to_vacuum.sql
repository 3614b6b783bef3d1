-- pgq.maint_tables_to_vacuum()
--
-- Purpose: the small tables that change often, for servers that run without autovacuum.
-- Returns: names of tables; none when autovacuum is on.

create or replace function pgq.maint_tables_to_vacuum()
returns setof text
language sql
stable
as $$
    select t.name
    from pg_catalog.unnest(array[
            'pgq.subscription', 'pgq.consumer', 'pgq.queue', 'pgq.tick', 'pgq.retry_queue',
            'pgq_node.node_location', 'pgq_node.node_info', 'pgq_node.local_state',
            'pgq_node.subscriber_info'])
        with ordinality as t (name, place)
    where pg_catalog.current_setting('autovacuum') = 'off'
        and pg_catalog.to_regclass(t.name) is not null
    order by t.place;
$$;
