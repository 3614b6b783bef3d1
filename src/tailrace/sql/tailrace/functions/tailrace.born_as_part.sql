create or replace function tailrace.born_as_part(i_part regclass)
returns boolean
language plpgsql stable
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.born_as_part(1)
--
--      Was a partition empty when it became one? Then all its rows came
--      through the table it belongs to, or through triggers of its own, and
--      each has been told. So it is when the same transaction has made it
--      and made it a partition, and has put no row into it before that.
--
-- Parameters:
--      i_part      partition or inheritance child
-- Returns:
--      false also where that cannot be told
-- ----------------------------------------------------------------------
declare
    v_made   xid;
    v_joined xid;
    v_when   cid;
    v_early  boolean;
begin
    -- a system column's row is written once and never changed
    select a.xmin into v_made from pg_attribute a where a.attrelid = i_part and a.attnum = -1;
    select h.xmin, h.cmin into v_joined, v_when from pg_inherits h where h.inhrelid = i_part;
    if v_made is distinct from v_joined then
        return false;
    end if;
    if (select c.relkind from pg_class c where c.oid = i_part) <> 'r' then
        return true;        -- holds no rows of its own
    end if;
    execute format('select exists (select from only %s r where r.xmin = $1 and r.cmin::text::bigint < $2::text::bigint)', i_part)
       into v_early using v_joined, v_when;
    return not v_early;
end
$$;
