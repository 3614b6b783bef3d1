create or replace function tailrace.find_job(
    i_job text
) returns tailrace.job
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.find_job(1)
--
--      The job that somebody means: by its name, its id, or the beginning of its id.
--
-- Parameters:
--      i_job  - name (tried first), id, or 6 digits and more that only one id begins with
--
-- Returns:
--      the job; raises TR001 when it is NULL, empty or ambiguous, TR004 when there is none
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_job tailrace.job;
    v_ids text[];
begin
    if i_job is null or pg_catalog.btrim(i_job) = '' then
        raise exception using errcode = 'TR001', message = 'no job was named',
            hint = 'give its name, its id, or at least 6 digits of its id; list them with: select * from tailrace.jobs';
    end if;

    select j.* into v_job from tailrace.job as j where j.job_name = i_job;
    if found then
        return v_job;
    end if;
    if i_job !~* '^[0-9a-f]{6,32}$' then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('there is no job "%s" in database "%s"',
                i_job, pg_catalog.current_database()),
            hint = case when i_job ~* '^[0-9a-f]{1,5}$'
                then 'to name a job by its id, give at least 6 of its 32 digits'
                else 'list them with: select * from tailrace.jobs' end;
    end if;

    select pg_catalog.array_agg(j.job_id order by j.job_id) into v_ids
    from tailrace.job as j
    where pg_catalog.starts_with(j.job_id, pg_catalog.lower(i_job));
    if v_ids is null then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('there is no job with an id that begins with "%s" in database "%s"',
                i_job, pg_catalog.current_database()),
            hint = 'list them with: select * from tailrace.jobs';
    elsif pg_catalog.cardinality(v_ids) > 1 then
        raise exception using errcode = 'TR001',
            message = pg_catalog.format('"%s" is the beginning of %s ids: %s',
                i_job, pg_catalog.cardinality(v_ids), pg_catalog.array_to_string(v_ids, ', ')),
            hint = 'give more of its digits';
    end if;
    select j.* into v_job from tailrace.job as j where j.job_id = v_ids[1];
    return v_job;
end;
$body$;

comment on function tailrace.find_job(text) is 'the job that is meant by a name, an id or its beginning';
