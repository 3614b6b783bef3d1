create or replace function tailrace.create_table_sql(i_table text, i_dest text default null)
returns setof text
language plpgsql stable
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.create_table_sql(2)
--
--      Statements that make a table like this one in another database: schema, columns with
--      types, defaults and NOT NULL, the sequences of serial columns, primary key, and for a
--      partitioned table its partitions. Whatever else the table has (further indexes, checks,
--      foreign keys, triggers, rights) is left to the administrator.
--
-- Parameters:
--      i_table     global name, schema.table
--      i_dest      name to give it; NULL: the same. Partitions keep their names
-- Returns:
--      statements, in the order in which they must run
-- Raises:
--      TR004 when the table does not exist
-- Calls:
--      tailrace.table_oid, tailrace.create_one_table_sql
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
declare
    v_table constant regclass := tailrace.table_oid(i_table);
    v_dest  constant text := coalesce(i_dest, i_table);
    v_part  record;
begin
    if v_table is null then
        raise exception 'table "%" does not exist in database "%"', i_table, current_database()
              using errcode = 'TR004', hint = 'create it first; names are schema.table';
    end if;
    return query select tailrace.create_one_table_sql(
        v_table,
        case when strpos(v_dest, '.') > 0 then split_part(v_dest, '.', 1) else 'public' end,
        case when strpos(v_dest, '.') > 0 then substr(v_dest, strpos(v_dest, '.') + 1) else v_dest end,
        null);
    for v_part in
        with recursive part(oid, parent, depth) as (
            select i.inhrelid, i.inhparent, 1
              from pg_inherits i join pg_class p on p.oid = i.inhparent and p.relkind = 'p'
             where i.inhparent = v_table
            union all
            select i.inhrelid, i.inhparent, part.depth + 1
              from part
              join pg_class p on p.oid = part.oid and p.relkind = 'p'
              join pg_inherits i on i.inhparent = part.oid
        )
        select part.oid, n.nspname, c.relname,
               case when part.parent = v_table then
                        format('%I.%I',
                            case when strpos(v_dest, '.') > 0 then split_part(v_dest, '.', 1) else 'public' end,
                            case when strpos(v_dest, '.') > 0 then substr(v_dest, strpos(v_dest, '.') + 1) else v_dest end)
                    else part.parent::regclass::text end as parent
          from part
          join pg_class c on c.oid = part.oid
          join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p')
         order by part.depth, n.nspname, c.relname
    loop
        return query select tailrace.create_one_table_sql(
            v_part.oid, v_part.nspname, v_part.relname, v_part.parent);
    end loop;
end
$$;

comment on function tailrace.create_table_sql(text, text) is
    'statements that make a table like this one in another database';
