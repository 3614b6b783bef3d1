create or replace function tailrace.relation_json(
    i_relation_id text,
    i_table_name text,
    i_column_names text[],
    i_column_types text[],
    i_key_columns text[],
    i_old_images boolean
)
returns text
language sql immutable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.relation_json(6)
--
--      Payload of a tailrace.relation event: a descriptor as JSON.
--
-- Returns:
--      {"id": …, "table": …, "columns": [[name, type], …], "key": […],
--       "old_images": …}
-- ----------------------------------------------------------------------
    select pg_catalog.json_build_object(
        'id', i_relation_id,
        'table', i_table_name,
        'columns', (select pg_catalog.json_agg(pg_catalog.json_build_array(c.name, c.type) order by c.n)
                      from rows from (pg_catalog.unnest(i_column_names), pg_catalog.unnest(i_column_types))
                           with ordinality c(name, type, n)),
        'key', pg_catalog.to_json(i_key_columns),
        'old_images', i_old_images)::text
$$;
