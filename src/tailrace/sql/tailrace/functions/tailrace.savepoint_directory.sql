create or replace function tailrace.savepoint_directory(
    i_directory text
) returns text
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.savepoint_directory(1)
--
--      The directory that savepoints are made in. Paths are handed out before anybody writes, so it
--      must be known here, and mean the same to whoever writes.
--
-- Parameters:
--      i_directory  - the one that was asked for; NULL: that of setting state.savepoints.dir, which
--                     may be set for a session, a role or the database
--
-- Returns:
--      path or URL, without a slash at its end; raises TR001 when there is none, or a relative one
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_directory text := coalesce(nullif(pg_catalog.btrim(i_directory), ''),
        nullif(pg_catalog.btrim(pg_catalog.current_setting('state.savepoints.dir', true)), ''));
begin
    if v_directory is null then
        raise exception using errcode = 'TR001', message = 'no directory for savepoints is set',
            hint = pg_catalog.format('set one with SET state.savepoints.dir = ''/path/or/url'', or for good with ALTER DATABASE %I SET state.savepoints.dir = …',
                pg_catalog.current_database());
    end if;
    if v_directory !~ '^/' and v_directory !~ '^[a-z][a-z0-9+.-]*://' then
        raise exception using errcode = 'TR001',
            message = pg_catalog.format('"%s" cannot be the directory of savepoints: it is neither an absolute path nor a URL',
                v_directory),
            hint = 'whoever writes a savepoint may run elsewhere; give a path such as /var/lib/savepoints, or s3://bucket/savepoints';
    end if;
    if v_directory ~ '^file://' then
        v_directory := pg_catalog.regexp_replace(v_directory, '^file://(localhost)?', '');
    end if;
    return coalesce(nullif(pg_catalog.rtrim(v_directory, '/'), ''), '/');
end;
$body$;

comment on function tailrace.savepoint_directory(text) is 'the directory that savepoints are made in';
