create or replace function tailrace.truncate_root()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set "DateStyle" = 'ISO, MDY'
set "IntervalStyle" = 'postgres'
set "TimeZone" = 'UTC'
set extra_float_digits = 1
set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.truncate_root(0)
--
--      TRUNCATE trigger of a captured table, BEFORE and AFTER. The table
--      becomes empty: one row:T event says so. Before, it marks that the
--      table itself is truncated, so that the triggers of its partitions,
--      which the server truncates along with it, write nothing; and where
--      old images are wanted, all rows are written while they can be read.
--
-- Trigger argument: capture id
-- ----------------------------------------------------------------------
declare
    v_mark  constant text := 'tailrace.truncate_' || tg_argv[0];
    v_table text;
begin
    if tg_when = 'BEFORE' then
        perform set_config(v_mark, '1', true);
        if (select i.old_images from tailrace.table_info i where i.capture_id = tg_argv[0]::integer) then
            v_table := tailrace.event_table(tg_argv[0]::integer);
            if v_table is not null then
                execute format('insert into %s %s', v_table,
                    replace(tailrace.capture_body(tg_argv[0]::integer, 'old_truncate'), '@table@', tg_relid::regclass::text));
            end if;
        end if;
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
