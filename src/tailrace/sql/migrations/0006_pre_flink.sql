-- schema: tailrace
-- Jobs on Flink clusters, their runs and savepoints.

create table tailrace.flink_job (
    job_id      text        not null primary key check (job_id ~ '^[0-9a-f]{32}$'),
    job_name    text        not null,
    cluster     text        not null,
    is_foreign  boolean     not null default false,
    statement   text,
    setup       text[]      not null default '{}',
    settings    jsonb       not null default '{}',
    reads       jsonb       not null default '[]',
    writes      jsonb       not null default '[]',
    wanted      text        not null default 'running' check (wanted in ('running', 'canceled', 'finished')),
    run_id      text        not null,
    is_dropped  boolean     not null default false,
    created_at  timestamptz not null default clock_timestamp(),
    constraint flink_job_statement check (is_foreign or statement is not null)
);
create unique index flink_job_name on tailrace.flink_job (cluster, job_name) where not is_foreign and not is_dropped;
comment on table  tailrace.flink_job is 'Jobs on Flink clusters, as somebody created them or as they were found there';
comment on column tailrace.flink_job.job_id is '32 hex digits: the id of its first run, and so Flink''s own as long as it has had one only';
comment on column tailrace.flink_job.job_name is 'Unique on its cluster but for jobs that were found there';
comment on column tailrace.flink_job.cluster is 'Address of the JobManager''s REST interface';
comment on column tailrace.flink_job.is_foreign is 'Started by somebody else and found on the cluster';
comment on column tailrace.flink_job.statement is 'SQL that it runs; NULL: not known';
comment on column tailrace.flink_job.setup is 'Definitions that the statement needs, in order';
comment on column tailrace.flink_job.settings is 'Settings of Flink that each run gets';
comment on column tailrace.flink_job.reads is 'Array of {name, place}: what it reads';
comment on column tailrace.flink_job.writes is 'Array of {name, place}: what it writes';
comment on column tailrace.flink_job.wanted is
    'running; canceled: to end where it is; finished: to end after all that its sources have given';
comment on column tailrace.flink_job.run_id is 'Its present or last run';
comment on column tailrace.flink_job.is_dropped is 'Forgotten by us; the row goes when Flink has forgotten it, too';
comment on column tailrace.flink_job.created_at is 'When it was created or found';

create table tailrace.flink_run (
    run_id        text        not null primary key check (run_id ~ '^[0-9a-f]{32}$'),
    job_id        text        not null references tailrace.flink_job on delete cascade,
    engine_id     text,
    status        text        not null default 'CREATED' check (status in ('CREATED', 'RUNNING', 'RESTARTING',
        'FAILING', 'FAILED', 'CANCELLING', 'CANCELED', 'FINISHED', 'SUSPENDED')),
    is_batch      boolean     not null default false,
    restored_from text,
    is_claimed    boolean     not null default false,
    checkpoint    text,
    asked_at      timestamptz not null default clock_timestamp(),
    submitted_at  timestamptz,
    started_at    timestamptz not null default clock_timestamp(),
    ended_at      timestamptz,
    error         text
);
create index flink_run_job on tailrace.flink_run (job_id);
create index flink_run_engine on tailrace.flink_run (engine_id);
comment on table  tailrace.flink_run is 'Each start of a job on a Flink cluster; written down before the cluster is asked';
comment on column tailrace.flink_run.run_id is 'Chosen by us; stands in the name of the submitted job, and is its id where Flink takes it';
comment on column tailrace.flink_run.job_id is 'Job that it is a run of';
comment on column tailrace.flink_run.engine_id is 'Flink''s id of it; NULL: nobody has seen it on the cluster yet';
comment on column tailrace.flink_run.status is
    'As last seen: RUNNING when all tasks run; SUSPENDED when the cluster has lost it';
comment on column tailrace.flink_run.is_batch is 'In batch mode, where there are no savepoints';
comment on column tailrace.flink_run.restored_from is 'Path of the savepoint or checkpoint that it began at; NULL: from the beginning';
comment on column tailrace.flink_run.is_claimed is 'Whether that savepoint was given to it for good';
comment on column tailrace.flink_run.checkpoint is 'Path of the last checkpoint that was seen; NULL: none';
comment on column tailrace.flink_run.asked_at is 'When it was written down that it is wanted';
comment on column tailrace.flink_run.submitted_at is 'When it was first known to be on the cluster; NULL: not yet';
comment on column tailrace.flink_run.started_at is 'When it started, by the cluster''s clock once it is there';
comment on column tailrace.flink_run.ended_at is 'When it ended; NULL: it has not';
comment on column tailrace.flink_run.error is 'What ended it or holds it up; NULL: nothing';

create table tailrace.flink_savepoint (
    savepoint_id text        not null primary key check (savepoint_id ~ '^[0-9a-f]{32}$'),
    cluster      text        not null,
    job_id       text,
    job_name     text,
    engine_id    text,
    state        text        not null check (state in ('requested', 'completed', 'failed', 'claimed', 'dropping',
        'dropped', 'lost', 'foreign')),
    directory    text,
    path         text,
    stops        boolean     not null default false,
    drains       boolean     not null default false,
    size         bigint,
    asked_at     timestamptz not null default clock_timestamp(),
    completed_at timestamptz,
    error        text,
    constraint flink_savepoint_path check (path is not null or state in ('requested', 'failed'))
);
create unique index flink_savepoint_path_key on tailrace.flink_savepoint (cluster, path) where state <> 'dropped';
comment on table  tailrace.flink_savepoint is
    'Savepoints of jobs on Flink clusters, written down before they are taken; they outlive their jobs, and dropped ones stay as a record';
comment on column tailrace.flink_savepoint.savepoint_id is 'Chosen by us; the id of the trigger on the cluster';
comment on column tailrace.flink_savepoint.cluster is 'Cluster of its job';
comment on column tailrace.flink_savepoint.job_id is 'Job that it is an image of; NULL: not known';
comment on column tailrace.flink_savepoint.job_name is 'Name of that job, also when that is forgotten';
comment on column tailrace.flink_savepoint.engine_id is 'Flink''s id of the run that it is an image of';
comment on column tailrace.flink_savepoint.state is 'tailrace.flink_move_savepoint says which may follow which';
comment on column tailrace.flink_savepoint.directory is 'Directory made for this one; NULL: found, not made by us';
comment on column tailrace.flink_savepoint.path is 'Where it is; NULL: not known yet, or it was never made';
comment on column tailrace.flink_savepoint.stops is 'Whether the job ends with it';
comment on column tailrace.flink_savepoint.drains is 'Whether the last event-time watermark was sent before: not for going on';
comment on column tailrace.flink_savepoint.size is 'Bytes; NULL: not known';
comment on column tailrace.flink_savepoint.asked_at is 'When it was asked for, or found';
comment on column tailrace.flink_savepoint.completed_at is 'When it was complete; NULL: it is not';
comment on column tailrace.flink_savepoint.error is 'Why there is none, or why it could not be removed; NULL: nothing';
