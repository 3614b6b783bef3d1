create or replace function tailrace.describe_table(
    i_table regclass,
    i_table_name text,
    i_old_images boolean default false,
    out relation_id text,
    out table_name text,
    out column_names text[],
    out column_types text[],
    out key_columns text[],
    out old_images boolean,
    out shape text
)
language plpgsql stable
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.describe_table(3)
--
--      The relation descriptor that row events of a table carry from now on.
--
-- Parameters:
--      i_table         the local table
--      i_table_name    its global name
--      i_old_images    whether updates and deletes also write row:O
-- Returns:
--      The columns of a descriptor, and "shape": everything in the catalog
--      that the descriptor rests on, as one text. Capture functions compare
--      it at each statement to notice DDL.
--      key_columns is NULL when the table has no primary key.
-- Reads: pg_attribute, pg_index
-- ----------------------------------------------------------------------
begin
    select array_agg(a.attname::text order by a.attnum),
           array_agg(format_type(a.atttypid, a.atttypmod) order by a.attnum)
      into column_names, column_types
      from pg_catalog.pg_attribute a
     where a.attrelid = i_table and a.attnum > 0 and not a.attisdropped and a.attgenerated = '';

    select array_agg(a.attname::text order by k.n)
      into key_columns
      from pg_catalog.pg_index x
     cross join lateral unnest(x.indkey::int2[]) with ordinality k(attnum, n)
      join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum
     where x.indrelid = i_table and x.indisprimary and k.n <= x.indnkeyatts;

    shape := tailrace.table_shape(i_table);
    table_name := i_table_name;
    old_images := i_old_images;
    relation_id := left(encode(sha256(convert_to(
        row(table_name, column_names, column_types, key_columns, old_images)::text, 'UTF8')), 'hex'), 16);
end
$$;
