-- schema: tailrace
-- Every Flink cluster has its address as it was given, for connecting, beside the place that this is, for recognising it.

alter table tailrace.flink_address add column place text;
update tailrace.flink_address set place = url;
alter table tailrace.flink_address drop constraint flink_address_pkey, add primary key (place);
comment on table  tailrace.flink_address is 'Where Flink clusters are reached; one without a name is called by the first place that it had';
comment on column tailrace.flink_address.url is 'Address of the JobManager''s REST interface, as it was given last';
comment on column tailrace.flink_address.cluster is 'Name of the cluster that was last reached there, or its first place';
comment on column tailrace.flink_address.place is 'The same address however it is spelled: localhost, 127.0.0.1 and [::1] are one';
comment on column tailrace.flink_job.cluster is 'Name of the cluster; of one without a name the place where it was first reached';

-- Once a cluster was called by its address as it was given; it is called by its place now. A job whose name is taken
-- there by another one gets the beginning of its id behind it.
create table tailrace.flink_place as
select a.old, regexp_replace(regexp_replace(regexp_replace(regexp_replace(a.old,
    '^(https?://[^/:]+)\.(?=[:/]|$)', '\1'),
    '^(https?://)(localhost|127\.0\.0\.1|\[::1\])(?=[:/]|$)', '\1127.0.0.1'),
    '^(http://[^/]*):80(?=/|$)', '\1'),
    '^(https://[^/]*):443(?=/|$)', '\1') as new
from (select j.cluster as old from tailrace.flink_job as j
    union select s.cluster from tailrace.flink_savepoint as s) as a;
delete from tailrace.flink_place where old = new;
update tailrace.flink_job as j set job_name = j.job_name || '-' || substr(j.job_id, 1, 6)
from tailrace.flink_place as p
where j.cluster = p.old and not j.is_foreign and not j.is_dropped and exists (
    select 1
    from tailrace.flink_job as n
    left join tailrace.flink_place as q on q.old = n.cluster
    where coalesce(q.new, n.cluster) = p.new and n.job_name = j.job_name and not n.is_foreign and not n.is_dropped
        and n.job_id <> j.job_id and (n.cluster = p.new or n.cluster < j.cluster));
update tailrace.flink_job as j set cluster = p.new from tailrace.flink_place as p where j.cluster = p.old;
update tailrace.flink_savepoint as s set cluster = p.new
from tailrace.flink_place as p
where s.cluster = p.old and (s.path is null or s.state = 'dropped' or not exists (
    select 1
    from tailrace.flink_savepoint as n
    left join tailrace.flink_place as q on q.old = n.cluster
    where coalesce(q.new, n.cluster) = p.new and n.path = s.path and n.state <> 'dropped'
        and n.savepoint_id <> s.savepoint_id and (n.cluster = p.new or n.cluster < s.cluster)));
drop table tailrace.flink_place;
