create or replace function tailrace.drop_triggers(i_capture_id integer, i_table regclass)
returns integer
language plpgsql
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.drop_triggers(2)
--
--      Takes our triggers from one table. Copies of a partitioned table's
--      row trigger go with the original.
--
-- Returns:
--      number of triggers dropped
-- ----------------------------------------------------------------------
declare
    v_name  name;
    v_count integer := 0;
begin
    for v_name in
        select t.tgname from pg_trigger t
         where t.tgrelid = i_table and not t.tgisinternal and t.tgparentid = 0
           and t.tgname ~ format('^tailrace_%s_[a-z]+$', i_capture_id)
    loop
        execute format('drop trigger %I on %s', v_name, i_table);
        v_count := v_count + 1;
    end loop;
    return v_count;
end
$$;
