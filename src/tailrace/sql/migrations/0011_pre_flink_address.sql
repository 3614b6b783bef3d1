-- schema: tailrace
-- A Flink cluster is the same whatever address it is reached by.

create table tailrace.flink_address (
    url     text not null primary key,
    cluster text not null
);
comment on table  tailrace.flink_address is 'Where Flink clusters that have a name are reached: those of tailrace flink start';
comment on column tailrace.flink_address.url is 'Address of the JobManager''s REST interface';
comment on column tailrace.flink_address.cluster is 'Name of the cluster that was last reached there';
comment on column tailrace.flink_job.cluster is 'Name of the cluster; of one without a name the address of the JobManager''s REST interface';
