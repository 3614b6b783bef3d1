create or replace function tailrace.request_drop_savepoints(
    i_job      text default null,
    older_than interval default null,
    keep_last  integer default null
) returns table (savepoint_id text, savepoint_path text)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.request_drop_savepoints(3)
--
--      Ask for savepoints to be removed that fit all conditions, and return at once; without any,
--      all. Those that a job owns stay. tailrace.drop_savepoints waits for it.
--
-- Parameters:
--      i_job       - name, id or beginning of the id, also of a job that is gone; NULL: all jobs
--      older_than  - only those made longer ago; NULL: of any age
--      keep_last   - but not the newest so many of each job, counting only those that a job can be
--                    started from; NULL: none is kept
--
-- Returns:
--      savepoint_id, savepoint_path - of each one, newest first
--      Raises TR004 when no job and no savepoint is of that name, TR009 when a job just starts from one.
--
-- Calls:
--      tailrace.find_job, tailrace.request_drop_savepoint
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_jobs text[];
    v_path text;
begin
    if request_drop_savepoints.keep_last < 0 then
        raise exception using errcode = 'TR001',
            message = pg_catalog.format('keep_last is %s; it is a number of savepoints, 0 or more',
                request_drop_savepoints.keep_last);
    end if;
    begin
        if i_job is not null then
            v_jobs := array[(tailrace.find_job(i_job)).job_id];
        end if;
    exception when sqlstate 'TR004' then
        select pg_catalog.array_agg(distinct s.job_id) into v_jobs
        from tailrace.savepoints as s
        where s.job_name = i_job
            or pg_catalog.length(i_job) >= 6 and pg_catalog.starts_with(s.job_id, pg_catalog.lower(i_job));
        if v_jobs is null then
            raise;
        end if;
    end;
    for v_path in
        select o.savepoint_path
        from (
            select s.savepoint_path, s.created, pg_catalog.count(*) filter (where s.ownership = 'user') over (
                    partition by s.job_id order by s.created desc, s.savepoint_path
                    rows between unbounded preceding and 1 preceding
                ) as newer
            from tailrace.savepoints as s
            where s.ownership not in ('job', 'dropping') and (i_job is null or s.job_id = any (v_jobs))
        ) as o
        where (request_drop_savepoints.keep_last is null or o.newer >= request_drop_savepoints.keep_last)
            and (request_drop_savepoints.older_than is null
                or o.created < pg_catalog.clock_timestamp() - request_drop_savepoints.older_than)
        order by o.created desc, o.savepoint_path
    loop
        return query select r.savepoint_id, r.savepoint_path from tailrace.request_drop_savepoint(v_path) as r;
    end loop;
end;
$body$;

comment on function tailrace.request_drop_savepoints(text, interval, integer) is
    'asks for all savepoints to be removed that fit the conditions and returns at once';
