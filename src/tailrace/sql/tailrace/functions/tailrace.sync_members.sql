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
-- Calls:
--      tailrace.url_decoded
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select array(
        select pg_catalog.btrim(m.name)
        from pg_catalog.string_to_table(tailrace.url_decoded(pg_catalog.substr(a.attr, 16)), ',')
            with ordinality as m (name, number)
        where pg_catalog.btrim(m.name) <> ''
        order by m.number)
    from pgq_node.node_info as n
    cross join lateral pg_catalog.regexp_split_to_table(n.node_attrs, '&') as a (attr)
    where n.queue_name = i_queue
        and n.node_type = 'branch'
        and a.attr like 'sync\_watermark=%'
    limit 1;
$body$;

comment on function tailrace.sync_members(text) is
    'nodes with which this branch agrees on a watermark; null: none';
