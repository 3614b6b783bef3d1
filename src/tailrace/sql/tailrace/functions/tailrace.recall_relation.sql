create or replace function tailrace.recall_relation(i_relation_id text)
returns boolean
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.recall_relation(1)
--
--      Look for a descriptor that should be known here and is not. A root hears of the descriptors
--      that it sends itself from nobody, and stores them some time later (tailrace.refresh_capture).
--      When it stops being the root before that, the others know them, and go on to use them.
--
-- Parameters:
--      i_relation_id  - descriptor
--
-- Returns:
--      whether it is stored now: the present shape of a table has that id, or it was sent from here
--
-- Calls:
--      tailrace.describe_table, tailrace.table_oid, tailrace.relation_json, tailrace.store_relation,
--      pgq.quote_fqname
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_json   text;
    v_events text;
begin
    select tailrace.relation_json(d.relation_id, d.table_name, d.column_names, d.column_types, d.key_columns, d.old_images)
    into v_json
    from tailrace.table_info as i
    cross join (values (false), (true)) as o (old_images)
    cross join lateral tailrace.describe_table(tailrace.table_oid(i.dest_table), i.table_name, o.old_images) as d
    where tailrace.table_oid(i.dest_table) is not null and d.relation_id = i_relation_id
    limit 1;

    for v_events in
        select pgq.quote_fqname(q.queue_data_pfx) from pgq.queue as q order by q.queue_id
    loop
        exit when v_json is not null;
        execute pg_catalog.format(
            'select e.ev_data from %s as e where e.ev_type = %L and e.ev_extra3 = $1 limit 1',
            v_events, 'tailrace.relation')
        into v_json
        using i_relation_id;
    end loop;

    if v_json is null then
        return false;
    end if;
    perform tailrace.store_relation(v_json);
    return true;
end;
$body$;

comment on function tailrace.recall_relation(text) is 'looks for a descriptor that should be known here and is not';
