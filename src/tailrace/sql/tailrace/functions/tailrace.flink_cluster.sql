create or replace function tailrace.flink_cluster(
    i_url  text,
    i_name text,
    i_runs text[]
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_cluster(3)
--
--      What the catalogue calls the Flink cluster at an address. A cluster is the same whatever
--      address it is reached by: one of this machine has a name, and another one is recognised by the
--      runs that it knows, since Flink takes no id twice.
--
-- Parameters:
--      i_url   - its address
--      i_name  - the name that a cluster of this machine has; NULL: none
--      i_runs  - Flink's ids of the runs that it knows; NULL: not asked yet
--
-- Returns:
--      its name, or the address by which it is known; NULL when it has to be asked for its runs
--
-- Tables directly manipulated:
--      insert, update, delete - tailrace.flink_address
--      update - tailrace.flink_job, tailrace.flink_savepoint: those that were known by its address only
-- ----------------------------------------------------------------------
declare
    v_cluster text;
begin
    select a.cluster into v_cluster from tailrace.flink_address as a where a.url = i_url;
    if i_name is null then
        if v_cluster is null and exists (select 1 from tailrace.flink_job as j where j.cluster <> i_url)
            and not exists (select 1 from tailrace.flink_job as j where j.cluster = i_url)
        then
            if i_runs is null then
                return null;
            end if;
            select min(j.cluster) into v_cluster
            from tailrace.flink_run as r
            join tailrace.flink_job as j on j.job_id = r.job_id
            where r.engine_id = any (i_runs);
        end if;
        return coalesce(v_cluster, i_url);
    end if;

    if v_cluster is distinct from i_name then
        delete from tailrace.flink_address as a where a.cluster = i_name;
        insert into tailrace.flink_address as a (url, cluster) values (i_url, i_name)
        on conflict (url) do update set cluster = excluded.cluster;
        if v_cluster is null then
            update tailrace.flink_job as j set cluster = i_name
            where j.cluster = i_url and not exists (
                select 1 from tailrace.flink_job as n where n.cluster = i_name and n.job_name = j.job_name);
            update tailrace.flink_savepoint as s set cluster = i_name
            where s.cluster = i_url and not exists (
                select 1 from tailrace.flink_savepoint as n where n.cluster = i_name and n.path = s.path);
        end if;
    end if;
    return i_name;
end;
$body$;

comment on function tailrace.flink_cluster(text, text, text[]) is
    'what the catalogue calls the Flink cluster at an address';
