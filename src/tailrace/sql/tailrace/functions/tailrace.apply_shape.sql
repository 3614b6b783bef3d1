create or replace function tailrace.apply_shape(i_table regclass)
returns text
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.apply_shape(1)
--
--      All of a table's catalog state that statements for applying rest on, as a hash. The
--      applier asks before each batch and builds its statements anew when it has changed.
--
-- Parameters:
--      i_table  - a local table; NULL: there is none
--
-- Returns:
--      a hash; NULL when there is no such table
--
-- Calls:
--      nothing
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select pg_catalog.md5(c.oid::text || c.relkind::text || c.relname || c.relnamespace
        || (
            select pg_catalog.string_agg(
                a.attnum::text || a.attname || ' ' || a.atttypid || ' ' || a.atttypmod || ' '
                || a.attcollation || a.attgenerated::text || a.attidentity::text, ',' order by a.attnum)
            from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        )
        || coalesce((
            select pg_catalog.string_agg(x.indexrelid::text, ',' order by x.indexrelid)
            from pg_catalog.pg_index as x
            where x.indrelid = c.oid
        ), ''))
    from pg_catalog.pg_class as c
    where c.oid = i_table
$body$;

comment on function tailrace.apply_shape(regclass) is
    'hash of the catalog state that statements for applying to a table rest on';
