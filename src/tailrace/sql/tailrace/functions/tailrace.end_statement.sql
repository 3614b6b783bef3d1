create or replace function tailrace.end_statement(i_capture_id integer)
returns boolean
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.end_statement(1)
--
--      Takes back one mark of tailrace.mark_statement.
--
-- Returns:
--      true when another statement on the same table ran inside, or around,
--      the one that ends now: its transition rows cannot be trusted
-- ----------------------------------------------------------------------
declare
    v_name   constant text := 'tailrace.open_' || i_capture_id;
    v_open   constant text := pg_catalog.current_setting(v_name, true);
begin
    if v_open = '1' then
        perform pg_catalog.set_config(v_name, '', true);
        return false;
    elsif v_open is null or v_open = '' then
        return true;        -- no mark: trust nothing
    elsif v_open = '1n' then
        perform pg_catalog.set_config(v_name, '', true);
        return true;
    end if;
    perform pg_catalog.set_config(v_name, (pg_catalog.rtrim(v_open, 'n')::integer - 1)::text || 'n', true);
    return true;
end
$$;
