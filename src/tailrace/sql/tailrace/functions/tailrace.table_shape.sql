create or replace function tailrace.table_shape(i_table oid)
returns text
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.table_shape(1)
--
--      Everything in pg_attribute that the payload of row events depends on,
--      as one text to compare. Generated capture functions repeat this
--      query inline: a call would cost more than the query.
--
-- Parameters:
--      i_table     oid of the table
-- Returns:
--      text; NULL when there is no such table
-- ----------------------------------------------------------------------
    select string_agg(a.attnum::text || ' ' || a.attname || ' ' || a.atttypid || ' ' || a.atttypmod
                      || a.attgenerated::text, ',' order by a.attnum)
      from pg_catalog.pg_attribute a
     where a.attrelid = i_table and a.attnum > 0 and not a.attisdropped
$$;
