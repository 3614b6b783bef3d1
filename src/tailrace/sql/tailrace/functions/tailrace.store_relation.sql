create or replace function tailrace.store_relation(i_json text)
returns text
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.store_relation(1)
--
--      Keep a descriptor that came with a tailrace.relation event. Doing it
--      again changes nothing, since a descriptor is named by its content.
--
-- Parameters:
--      i_json      payload of the event (see tailrace.relation_json)
-- Returns:
--      the descriptor's id
-- Tables changed:
--      tailrace.relation
-- ----------------------------------------------------------------------
declare
    v_relation jsonb := i_json::jsonb;
begin
    insert into tailrace.relation (relation_id, table_name, column_names, column_types, key_columns, old_images)
    select v_relation->>'id', v_relation->>'table',
           array_agg(c.value->>0 order by c.n), array_agg(c.value->>1 order by c.n),
           (select pg_catalog.array_agg(k.value order by k.n)
              from jsonb_array_elements_text(v_relation->'key') with ordinality k(value, n)),
           (v_relation->>'old_images')::boolean
      from jsonb_array_elements(v_relation->'columns') with ordinality c(value, n)
    on conflict (relation_id) do nothing;
    return v_relation->>'id';
end
$$;
