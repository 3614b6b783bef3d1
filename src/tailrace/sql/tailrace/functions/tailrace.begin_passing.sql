create or replace function tailrace.begin_passing(
    i_queue     text,
    i_relations jsonb
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.begin_passing(2)
--
--      Begin to write events of a merged leaf into the combined queue, after they have been
--      applied: the ids are drawn now, while the rows are locked. Descriptors that this node has
--      not put there yet come first, since their own events may have passed before the leaf was
--      made, or before this node became the combined root.
--
-- Parameters:
--      i_queue      - queue of the leaf
--      i_relations  - ids of the descriptors that the events use, a JSON array
--
-- Returns:
--      COPY FROM STDIN that takes what tailrace.pass_part sends; NULL: the combined queue takes no
--      events now
--
-- Calls:
--      tailrace.combined_root, tailrace.relation_json, pgq.insert_event, pgq.current_event_table
-- Tables directly manipulated:
--      insert - tailrace.passed_relation
-- ----------------------------------------------------------------------
declare
    v_combined text := tailrace.combined_root(i_queue);
    v_relation tailrace.relation;
begin
    if v_combined is null then
        return null;
    end if;
    for v_relation in
        select r.*
        from tailrace.relation as r
        where i_relations @> pg_catalog.to_jsonb(r.relation_id)
            and not exists (select 1 from tailrace.passed_relation as p
                where p.queue_name = v_combined and p.relation_id = r.relation_id)
        order by r.relation_id
    loop
        insert into tailrace.passed_relation (queue_name, relation_id)
        values (v_combined, v_relation.relation_id)
        on conflict do nothing;
        -- another leaf has been quicker, and has committed
        continue when not found;
        perform pgq.insert_event(v_combined, 'tailrace.relation', tailrace.relation_json(
                v_relation.relation_id, v_relation.table_name, v_relation.column_names,
                v_relation.column_types, v_relation.key_columns, v_relation.old_images),
            v_relation.table_name, null, v_relation.relation_id, null);
    end loop;
    return pg_catalog.format(
        'copy %s (ev_time, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4) from stdin',
        pgq.quote_fqname(pgq.current_event_table(v_combined)));
end;
$body$;

comment on function tailrace.begin_passing(text, jsonb) is
    'statement that takes the events a merged leaf passes on; their descriptors are there before';
