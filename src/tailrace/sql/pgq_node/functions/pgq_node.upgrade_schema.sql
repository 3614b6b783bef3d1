-- pgq_node.upgrade_schema()
--
-- Purpose:    brings the tables of an older pgq_node to the present shape: adds node_info.node_attrs.
-- Parameters: none
-- Returns:    number of changes made; a second run makes none
-- NULL:       never
-- Calls:      nothing
-- Changes:    definition of pgq_node.node_info
create or replace function pgq_node.upgrade_schema()
returns integer
language plpgsql as $$
begin
    perform 1
       from pg_catalog.pg_attribute a
      where a.attrelid = 'pgq_node.node_info'::pg_catalog.regclass
        and a.attname = 'node_attrs'
        and not a.attisdropped;
    if found then
        return 0;
    end if;

    alter table pgq_node.node_info add column node_attrs text;
    comment on column pgq_node.node_info.node_attrs is
        'URL-encoded attributes, such as sync_watermark=node4%2cnode5; NULL: none';
    return 1;
end;
$$;
comment on function pgq_node.upgrade_schema() is 'Brings older tables to the present shape; number of changes';
