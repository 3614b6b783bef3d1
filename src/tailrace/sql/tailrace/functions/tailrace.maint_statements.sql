create or replace function tailrace.maint_statements() returns setof text
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.maint_statements(0)
--
--      The maintenance that is due in this database, as statements to be run one by one, each in
--      a transaction of its own. One that returns a number above zero wants to be run again.
--
-- Parameters:
--      none
--
-- Returns:
--      a row for each statement, in order
--
-- Calls:
--      pgq.maint_operations
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select case
        when m.func_name in ('vacuum', 'vacuum analyze')
            then pg_catalog.format('%s %s', m.func_name, pgq.quote_fqname(m.func_arg))
        when m.func_arg is null
            then pg_catalog.format('select %s()', pgq.quote_fqname(m.func_name))
        else pg_catalog.format('select %s(%L)', pgq.quote_fqname(m.func_name), m.func_arg)
    end
    from pgq.maint_operations() with ordinality as m (func_name, func_arg, number)
    order by m.number;
$body$;

comment on function tailrace.maint_statements() is 'the maintenance that is due, as statements';
