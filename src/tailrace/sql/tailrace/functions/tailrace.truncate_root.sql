create or replace function tailrace.truncate_root()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.truncate_root(0)
--
--      TRUNCATE trigger of a captured table, BEFORE and AFTER. The table
--      becomes empty: one row:T event says so. Before, it marks that the
--      table itself is truncated, so that the triggers of its partitions,
--      which the server truncates along with it, write nothing.
--
-- Trigger argument: capture id
-- ----------------------------------------------------------------------
declare
    v_mark  constant text := 'tailrace.truncate_' || tg_argv[0];
    v_table text;
begin
    if tg_when = 'BEFORE' then
        perform set_config(v_mark, '1', true);
        return null;
    end if;
    perform set_config(v_mark, '', true);
    v_table := tailrace.event_table(tg_argv[0]::integer);
    if v_table is not null then
        execute format('insert into %s %s', v_table, tailrace.capture_body(tg_argv[0]::integer, 'truncate'));
    end if;
    return null;
end
$$;
