create or replace function tailrace.find_savepoint(
    i_path text
) returns tailrace.savepoint
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.find_savepoint(1)
--
--      The savepoint at a path, as far as this database knows it.
--
-- Parameters:
--      i_path  - path or URL, with or without a slash at its end
--
-- Returns:
--      the savepoint; raises TR001 when none was named, TR004 when it is not known or not complete
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_one tailrace.savepoint;
begin
    if i_path is null or pg_catalog.btrim(i_path) = '' then
        raise exception using errcode = 'TR001', message = 'no savepoint was named',
            hint = 'give its path; list them with: select * from tailrace.savepoints';
    end if;
    select s.* into v_one
    from tailrace.savepoint as s
    where s.path = pg_catalog.rtrim(pg_catalog.regexp_replace(i_path, '^file://(localhost)?', ''), '/')
        and s.state in ('completed', 'claimed', 'dropping');
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('there is no savepoint "%s" in database "%s"',
                i_path, pg_catalog.current_database()),
            hint = 'list them with: select * from tailrace.savepoints';
    end if;
    return v_one;
end;
$body$;

comment on function tailrace.find_savepoint(text) is 'the savepoint at a path';
