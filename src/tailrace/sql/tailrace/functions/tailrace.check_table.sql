create or replace function tailrace.check_table(i_table_name text)
returns regclass
language plpgsql stable
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.check_table(1)
--
--      Can this table be replicated?
--
-- Parameters:
--      i_table_name    schema.table
-- Returns:
--      the table
-- Raises:
--      TR004 when it does not exist
--      TR040 with the reason when it cannot be replicated
-- ----------------------------------------------------------------------
declare
    v_table  constant regclass := tailrace.table_oid(i_table_name);
    v_class  pg_class;
    v_key    pg_index;
    v_parent regclass;
    v_heir   oid;
begin
    if v_table is null then
        raise exception 'table "%" does not exist in database "%"', i_table_name, current_database()
              using errcode = 'TR004', hint = 'create it first; names are schema.table';
    end if;
    select * into v_class from pg_class c where c.oid = v_table;
    if tailrace.is_system_schema(v_class.relnamespace) then
        raise exception 'table "%" belongs to the system, to PgQ or to tailrace itself', i_table_name
              using errcode = 'TR040', hint = 'only tables of your own schemas can be replicated';
    elsif v_class.relkind not in ('r', 'p') then
        raise exception '"%" is not a table', i_table_name
              using errcode = 'TR040', hint = 'only ordinary and partitioned tables can be replicated';
    elsif v_class.relpersistence <> 'p' then
        raise exception 'table "%" is temporary or unlogged: a crash would empty it without an event', i_table_name
              using errcode = 'TR040', hint = format('alter table %s set logged', v_table);
    end if;
    select h.inhparent into v_parent from pg_inherits h where h.inhrelid = v_table limit 1;
    if found then
        raise exception 'table "%" is a part of table "%": changes made through that table would be missed',
                        i_table_name, v_parent
              using errcode = 'TR040',
                    hint = case when (select c.relkind from pg_class c where c.oid = v_parent) = 'p'
                                then format('add %s instead', v_parent)
                                else format('make it a table of its own: alter table %s no inherit %s', v_table, v_parent) end;
    end if;
    -- A key of the parent says nothing of rows in its children, and who reads the parent alone misses them.
    select h.inhrelid into v_heir from pg_inherits h where h.inhparent = v_table limit 1;
    if found and v_class.relkind = 'r' then
        raise exception 'table "%" is inherited by table "%": rows of that table would be changed through this one',
                        i_table_name, v_heir::regclass
              using errcode = 'TR040', hint = format('make that a table of its own: alter table %s no inherit %s',
                                                     v_heir::regclass, v_table);
    end if;
    select * into v_key from pg_index x where x.indrelid = v_table and x.indisprimary;
    if not found then
        raise exception 'table "%" has no primary key', i_table_name
              using errcode = 'TR040', hint = 'rows are matched by primary key; add one';
    elsif not v_key.indimmediate then
        raise exception 'table "%" has a deferrable primary key: inside a transaction it does not identify a row', i_table_name
              using errcode = 'TR040', hint = 'make the primary key NOT DEFERRABLE';
    end if;
    if v_class.relrowsecurity and row_security_active(v_table) then
        raise exception 'table "%" has row security that hides rows from role "%"', i_table_name, current_user
              using errcode = 'TR040', hint = 'add the table as its owner, or as a role with BYPASSRLS';
    end if;
    return v_table;
end
$$;
