create or replace function tailrace.sync_members(
    i_queue text
) returns text[]
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.sync_members(1)
--
--      Names of the nodes with which this node agrees on a watermark (attribute sync_watermark).
--
-- Parameters:
--      i_queue  - queue
--
-- Returns:
--      names in the order given; empty: nobody else; NULL: not a branch, or without the attribute
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.string_to_array(
        -- node names are plain, so of the URL encoding only the comma and the blank matter
        pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
            pg_catalog.substr(a.attr, 16), '%2C', ','), '%2c', ','), '+', ''), ',')
    from pgq_node.node_info as n
    cross join lateral pg_catalog.regexp_split_to_table(n.node_attrs, '&') as a (attr)
    where n.queue_name = i_queue
        and n.node_type = 'branch'
        and a.attr like 'sync\_watermark=%'
    limit 1;
$body$;

comment on function tailrace.sync_members(text) is
    'nodes with which this branch agrees on a watermark; null: none';
