create or replace function tailrace.volatile_functions(
    i_names jsonb
) returns setof integer
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.volatile_functions(1)
--
--      Which of these functions return something else each time, with the caller's search path.
--      Where a name is that of several functions, one volatile one is enough.
--
-- Parameters:
--      i_names  - array of [schema or null, name]
--
-- Returns:
--      places in the array, from 0
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select (f.place - 1)::integer
    from pg_catalog.jsonb_array_elements(i_names) with ordinality as f (name, place)
    where exists (
        select 1
        from pg_catalog.pg_proc as p
        join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
        where p.proname = f.name ->> 1 and p.provolatile = 'v' and p.prokind = 'f'
            and case when f.name ->> 0 is null
                then n.nspname = any (pg_catalog.current_schemas(true)) else n.nspname = f.name ->> 0 end
    )
    order by 1
$body$;

comment on function tailrace.volatile_functions(jsonb) is
    'which of some functions return something else each time';
