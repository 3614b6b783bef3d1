-- schema: tailrace
-- Savepoints: what there is, what is being written, and jobs that start from one.

create table tailrace.savepoint (
    savepoint_id   text        not null primary key check (savepoint_id ~ '^[0-9a-f]{12}$'),
    path           text        not null unique,
    job_id         text        not null,
    job_name       text        not null,
    kind           text        not null,
    queue_name     text        not null,
    node_name      text        not null,
    consumer_name  text        not null,
    state          text        not null default 'requested'
        check (state in ('requested', 'writing', 'completed', 'claimed', 'dropping', 'failed')),
    stops_job      boolean     not null default false,
    tick_id        bigint,
    size_bytes     bigint,
    row_count      bigint,
    absent_tables  text[]      not null default '{}',
    host           text,
    lost           boolean     not null default false,
    attempts       integer     not null default 0,
    done_rows      bigint      not null default 0,
    expected_rows  bigint,
    claimed_by     text,
    error          text,
    requested_at   timestamptz not null default now(),
    completed_at   timestamptz,
    constraint savepoint_completed check (
        state not in ('completed', 'claimed') or (tick_id is not null and completed_at is not null)),
    constraint savepoint_claimed check (state <> 'claimed' or claimed_by is not null)
);
comment on table  tailrace.savepoint is
    'Savepoints of this database''s jobs, and wishes for one. The events after one are held by a consumer .savepoint.<id>, which has a position in pgq_node.local_state';
comment on column tailrace.savepoint.savepoint_id is '12 hex digits, drawn at random; the end of the path';
comment on column tailrace.savepoint.path is 'Directory, or URL of one; known from the wish on';
comment on column tailrace.savepoint.job_id is 'Job that it is of; kept when the job is gone';
comment on column tailrace.savepoint.job_name is 'Name of that job at the time';
comment on column tailrace.savepoint.kind is 'Kind of that job';
comment on column tailrace.savepoint.queue_name is 'Queue that the job reads';
comment on column tailrace.savepoint.node_name is 'Node that the job worked for';
comment on column tailrace.savepoint.consumer_name is 'Consumer of the job';
comment on column tailrace.savepoint.state is
    'requested: nobody has begun; writing: being written, or its writer has died; completed: it exists; claimed: a job owns it; dropping: not all of it could be removed yet; failed: it could not be written';
comment on column tailrace.savepoint.stops_job is 'The job is to stop first, and to go on if the savepoint cannot be written';
comment on column tailrace.savepoint.tick_id is 'Completed tick of the job that its rows are at';
comment on column tailrace.savepoint.size_bytes is 'Bytes of all its files';
comment on column tailrace.savepoint.row_count is 'Rows in it';
comment on column tailrace.savepoint.absent_tables is 'Tables that were still in their initial copy and are not in it';
comment on column tailrace.savepoint.host is 'Machine that a local path is on; NULL: a URL, or not written yet';
comment on column tailrace.savepoint.lost is 'Its files were not found when last looked for';
comment on column tailrace.savepoint.attempts is 'How often somebody has begun to write it';
comment on column tailrace.savepoint.done_rows is 'Progress, rows written so far';
comment on column tailrace.savepoint.expected_rows is 'Planner''s estimate of the rows to write; NULL: unknown';
comment on column tailrace.savepoint.claimed_by is 'Job that owns it, and drops it when it has a newer one';
comment on column tailrace.savepoint.error is 'Why it could not be written, or cannot be removed; NULL: nothing';
comment on column tailrace.savepoint.requested_at is 'When it was asked for';
comment on column tailrace.savepoint.completed_at is 'When it was complete';

create table tailrace.restore (
    job_id        text        not null primary key references tailrace.job on delete cascade,
    path          text        not null,
    claim         boolean     not null default false,
    state         text        not null default 'requested' check (state in ('requested', 'loaded', 'failed')),
    tick_id       bigint,
    error         text,
    requested_at  timestamptz not null default now(),
    constraint restore_loaded check (state <> 'loaded' or tick_id is not null)
);
comment on table  tailrace.restore is
    'Jobs that are to start from a savepoint: the intent, until the job goes on. Whoever sits in the job''s seat carries it out';
comment on column tailrace.restore.job_id is 'Job that stands still meanwhile';
comment on column tailrace.restore.path is 'Savepoint that it starts from';
comment on column tailrace.restore.claim is 'The job is to own the savepoint';
comment on column tailrace.restore.state is
    'requested: nothing here has changed yet; loaded: rows and position are those of the savepoint; failed: given up, nothing has changed';
comment on column tailrace.restore.tick_id is 'Tick of the savepoint, once it is loaded';
comment on column tailrace.restore.error is 'Why it was given up; NULL: it was not';
comment on column tailrace.restore.requested_at is 'When it was asked for';

alter table tailrace.job add column restored_from text;
comment on column tailrace.job.restored_from is 'Savepoint that it was last started from; NULL: never from one';
