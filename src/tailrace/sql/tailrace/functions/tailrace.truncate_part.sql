create or replace function tailrace.truncate_part()
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
-- Function: tailrace.truncate_part(0)
--
--      BEFORE TRUNCATE trigger of a partition (or inheritance child) of a
--      captured table. Readers know only the root, where these rows vanish:
--      they are written as deletes, while they can still be read.
--
-- Trigger argument: capture id of the root
-- ----------------------------------------------------------------------
begin
    if coalesce(current_setting('tailrace.truncate_' || tg_argv[0], true), '') <> '1' then
        if (select i.old_images from tailrace.table_info i where i.capture_id = tg_argv[0]::integer) then
            perform tailrace.capture_whole(tg_argv[0]::integer, tg_relid, 'old_truncate');
        end if;
        perform tailrace.capture_whole(tg_argv[0]::integer, tg_relid, 'row_keys');
    end if;
    return null;
end
$$;
