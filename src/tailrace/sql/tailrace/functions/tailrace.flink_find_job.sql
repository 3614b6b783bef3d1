create or replace function tailrace.flink_find_job(
    i_cluster text,
    i_job     text
) returns tailrace.flink_job
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_find_job(2)
--
--      The job on a Flink cluster that somebody means: by its name, its id, Flink's id of one of its
--      runs, or the beginning of such an id.
--
-- Parameters:
--      i_cluster  - name of the cluster, or its first place (tailrace.flink_cluster)
--      i_job      - name (tried first; of several found there the one that has not ended), id, or 6
--                   digits and more
--
-- Returns:
--      the job; raises TR001 when it is NULL, empty or ambiguous, TR004 when there is none
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_job tailrace.flink_job;
    v_ids text[];
begin
    if i_job is null or pg_catalog.btrim(i_job) = '' then
        raise exception using errcode = 'TR001', message = 'no job was named',
            hint = 'give its name, its id, or at least 6 digits of its id; list them with: SHOW JOBS';
    end if;

    select pg_catalog.array_agg(j.job_id order by j.job_id) into v_ids
    from (
        select n.job_id, pg_catalog.rank() over (
            order by n.is_foreign, r.status in ('FAILED', 'CANCELED', 'FINISHED')) as place
        from tailrace.flink_job as n
        join tailrace.flink_run as r on r.run_id = n.run_id
        where n.cluster = i_cluster and n.job_name = i_job and not n.is_dropped
    ) as j
    where j.place = 1;

    if v_ids is null and i_job ~* '^[0-9a-f]{6,32}$' then
        select pg_catalog.array_agg(distinct j.job_id) into v_ids
        from tailrace.flink_job as j
        join tailrace.flink_run as r on r.job_id = j.job_id
        where j.cluster = i_cluster and not j.is_dropped
            and (pg_catalog.starts_with(j.job_id, pg_catalog.lower(i_job))
                or pg_catalog.starts_with(r.engine_id, pg_catalog.lower(i_job)));
    end if;

    if v_ids is null then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('there is no job "%s" on the Flink cluster %s', i_job,
                case when i_cluster ~ '^https?://' then 'at ' || i_cluster else '"' || i_cluster || '"' end),
            hint = case when i_job ~* '^[0-9a-f]{1,5}$'
                then 'to name a job by its id, give at least 6 of its 32 digits'
                else 'list them with: SHOW JOBS' end;
    elsif pg_catalog.cardinality(v_ids) > 1 then
        raise exception using errcode = 'TR001',
            message = pg_catalog.format('"%s" may mean %s jobs: %s',
                i_job, pg_catalog.cardinality(v_ids), pg_catalog.array_to_string(v_ids, ', ')),
            hint = 'give more of its id';
    end if;
    select j.* into v_job from tailrace.flink_job as j where j.job_id = v_ids[1];
    return v_job;
end;
$body$;

comment on function tailrace.flink_find_job(text, text) is
    'the job on a Flink cluster that is meant by a name, an id or its beginning';
