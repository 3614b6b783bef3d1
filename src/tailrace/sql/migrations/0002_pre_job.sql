-- schema: tailrace
-- Every consumer that writes into a node is a job; those that are there already become one.

create table tailrace.job (
    job_id         text        not null primary key
        default substr(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 32)
        check (job_id ~ '^[0-9a-f]{32}$'),
    job_name       text        not null unique,
    kind           text        not null check (kind in ('worker', 'apply', 'consumer')),
    queue_name     text        not null,
    node_name      text        not null,
    consumer_name  text        not null,
    wanted         text        not null default 'running' check (wanted in ('running', 'canceled', 'finished')),
    drain_since    timestamptz,
    drain_tick     bigint,
    statement      text,
    settings       jsonb       not null default '{}',
    created_at     timestamptz not null default now(),
    started_at     timestamptz not null default now(),
    ended_at       timestamptz,
    error          text,
    unique (queue_name, consumer_name),
    constraint job_drain check (drain_since is not null or drain_tick is null)
);
comment on table  tailrace.job is
    'Running streams of this database. Each consumer that writes into a node is one; a trigger on pgq_node.local_state makes and removes them';
comment on column tailrace.job.job_id is '32 hex digits, drawn at random';
comment on column tailrace.job.job_name is 'Unique in this database; that of the consumer where it is free';
comment on column tailrace.job.kind is
    'worker: brings the batches of a node; apply: writes a branch''s tables; consumer: any other that writes into a node';
comment on column tailrace.job.queue_name is 'Queue that it reads';
comment on column tailrace.job.node_name is 'Node of this database that it works for';
comment on column tailrace.job.consumer_name is 'Its consumer; position and pause are in pgq_node.local_state';
comment on column tailrace.job.wanted is
    'running; canceled: to end where it is; finished: to end after all that was committed before. Follows local_state.paused';
comment on column tailrace.job.drain_since is 'When it was asked to drain and then stop; NULL: it was not';
comment on column tailrace.job.drain_tick is 'Tick up to which it drains; NULL: the root has not been asked yet';
comment on column tailrace.job.statement is 'SQL that it runs; NULL: it replicates';
comment on column tailrace.job.settings is 'Settings it was created with';
comment on column tailrace.job.created_at is 'When it was created';
comment on column tailrace.job.started_at is 'When it was created or last started';
comment on column tailrace.job.ended_at is 'When it last came to rest; NULL: it has not';
comment on column tailrace.job.error is 'What ended it; NULL: nothing';

insert into tailrace.job (job_name, kind, queue_name, node_name, consumer_name, wanted, ended_at)
select
    case when count(*) over (partition by s.consumer_name) = 1 then s.consumer_name
        else s.queue_name || '/' || s.consumer_name end,
    case s.consumer_name
        when n.worker_name then 'worker'
        when n.node_name || '.apply' then 'apply'
        else 'consumer' end,
    s.queue_name, n.node_name, s.consumer_name,
    case when s.paused then 'canceled' else 'running' end,
    case when s.paused and s.uptodate then now() end
from pgq_node.local_state as s
join pgq_node.node_info as n on n.queue_name = s.queue_name;
