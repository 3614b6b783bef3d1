-- schema: tailrace
-- SQL jobs are read when they are created, not by each runner; what a dropped one leaves elsewhere is remembered.

alter table tailrace.job add column program jsonb;
comment on column tailrace.job.program is
    'SQL job: sources and statements as they are run, made of the text when the job was created';

create table tailrace.job_leaving (
    queue_name     text not null,
    consumer_name  text not null,
    provider_node  text not null,
    primary key (queue_name, consumer_name, provider_node)
);
comment on table  tailrace.job_leaving is
    'Consumers of jobs that were dropped here and may still be registered on another node''s queue; a runner takes them away';
comment on column tailrace.job_leaving.queue_name is 'Queue that the job read';
comment on column tailrace.job_leaving.consumer_name is 'Its consumer';
comment on column tailrace.job_leaving.provider_node is 'Node on whose queue it is registered';
