create or replace function tailrace.check_job_name(
    i_name text
) returns void
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.check_job_name(1)
--
--      Refuse what cannot be the name of a new job.
--
-- Parameters:
--      i_name  - name
--
-- Returns:
--      nothing; raises TR001 when it is too short, too long or like an id, TR005 when there is a job of that name
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_job text;
begin
    if i_name is null or pg_catalog.btrim(i_name) = '' or pg_catalog.length(i_name) > 200 then
        raise exception using errcode = 'TR001',
            message = pg_catalog.format('"%s" cannot be the name of a job', i_name),
            hint = 'a name has 1 to 200 characters';
    end if;
    if i_name ~ '^[0-9a-f]{32}$' then
        raise exception using errcode = 'TR001',
            message = pg_catalog.format('"%s" cannot be the name of a job: it looks like the id of one', i_name),
            hint = 'statements find a job by its name or its id, the name first';
    end if;
    select j.job_id into v_job from tailrace.job as j where j.job_name = i_name;
    if found then
        raise exception using errcode = 'TR005',
            message = pg_catalog.format('job "%s" exists already in database "%s" (id %s)',
                i_name, pg_catalog.current_database(), v_job),
            hint = 'choose another name, or drop that job';
    end if;
end;
$body$;

comment on function tailrace.check_job_name(text) is 'refuses what cannot be the name of a new job';
