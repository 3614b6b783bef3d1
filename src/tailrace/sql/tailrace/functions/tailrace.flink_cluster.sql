create or replace function tailrace.flink_cluster(
    i_place text,
    i_url   text,
    i_name  text,
    i_runs  text[],
    out cluster text,
    out is_sure boolean
) returns record
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_cluster(4)
--
--      What the catalogue calls the Flink cluster at an address. A cluster is the same whatever
--      address it is reached by. One of tailrace flink start has a name; another one is called by the
--      place where it was reached first, and recognised at others by the runs that it knows, since
--      Flink takes no id twice. What answers at the place of a cluster with a name may be another one
--      by now, so only the first place of one without a name is believed unasked.
--
-- Parameters:
--      i_place - its address, the same however it is spelled
--      i_url   - its address as it was given, which is what can be connected to
--      i_name  - the name that it has; NULL: none, or not asked yet
--      i_runs  - Flink's ids of the runs that it knows; NULL: not asked yet
--
-- Returns:
--      cluster - its name, or the place by which it is known
--      is_sure - whether it need not be asked
--
-- Tables directly manipulated:
--      insert, update, delete - tailrace.flink_address
--      update - tailrace.flink_job, tailrace.flink_savepoint: those of a cluster that had no name yet
-- ----------------------------------------------------------------------
declare
    v_known tailrace.flink_address;
    v_new   boolean;
begin
    select a.* into v_known from tailrace.flink_address as a where a.place = i_place;
    cluster := coalesce(i_name, v_known.cluster, i_place);
    is_sure := i_name is not null or i_runs is not null
        or coalesce(v_known.cluster = i_place and v_known.url = i_url, false);
    if i_name is null and i_runs is null then
        return;
    end if;

    if i_name is null and not coalesce(v_known.cluster = i_place, false)
        and not exists (select 1 from tailrace.flink_job as j where j.cluster = i_place)
    then
        select min(j.cluster) into cluster
        from tailrace.flink_run as r
        join tailrace.flink_job as j on j.job_id = r.job_id
        where r.engine_id = any (i_runs);
        cluster := coalesce(cluster, i_place);
    elsif i_name is null then
        cluster := i_place;
    end if;
    if (v_known.cluster, v_known.url) is not distinct from (cluster, i_url) then
        return;
    end if;

    v_new := v_known is null or not exists (
        select 1 from tailrace.flink_address as a where a.cluster = i_name
        union all select 1 from tailrace.flink_job as j where j.cluster = i_name
        union all select 1 from tailrace.flink_savepoint as s where s.cluster = i_name);
    if i_runs is null then  -- it is of this machine, and has moved
        delete from tailrace.flink_address as a where a.cluster = i_name and a.place <> i_place;
    end if;
    insert into tailrace.flink_address as a (place, url, cluster) values (i_place, i_url, flink_cluster.cluster)
    on conflict (place) do update set url = excluded.url, cluster = excluded.cluster;
    if i_name is not null and v_new then
        update tailrace.flink_job as j set cluster = i_name
        where j.cluster = i_place and not exists (
            select 1 from tailrace.flink_job as n where n.cluster = i_name and n.job_name = j.job_name);
        update tailrace.flink_savepoint as s set cluster = i_name
        where s.cluster = i_place and not exists (
            select 1 from tailrace.flink_savepoint as n where n.cluster = i_name and n.path = s.path);
    end if;
end;
$body$;

comment on function tailrace.flink_cluster(text, text, text, text[]) is
    'what the catalogue calls the Flink cluster at an address';
