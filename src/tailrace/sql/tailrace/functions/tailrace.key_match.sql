create or replace function tailrace.key_match(i_table regclass, i_left text, i_right text)
returns text
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.key_match(3)
--
--      Condition "the same primary key" between two aliases, as SQL text.
--      The operators are the key index's own, schema-qualified: capture
--      runs with a search path that holds pg_catalog alone, and a key of
--      type citext must be compared as citext.
--
-- Parameters:
--      i_table         the table whose key it is
--      i_left, i_right aliases (trusted text, not quoted)
-- Returns:
--      for example l.id operator(pg_catalog.=) r.id and …; NULL without a key
-- Calls:
--      tailrace.equality(3)
-- ----------------------------------------------------------------------
    select string_agg(format('%s.%I %s %s.%I', i_left, a.attname,
                             tailrace.equality(x.indrelid, a.attnum, a.atttypid), i_right, a.attname),
                      ' and ' order by k.n)
      from pg_catalog.pg_index x
     cross join lateral unnest(x.indkey::int2[]) with ordinality k(attnum, n)
      join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum
     where x.indrelid = i_table and x.indisprimary and k.n <= x.indnkeyatts
$$;
