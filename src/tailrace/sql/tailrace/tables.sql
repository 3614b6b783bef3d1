-- Tables of schema tailrace: what a node knows of its replicated tables, who runs it, and what waits.
-- The state of a queue and of the cascade is not here but in pgq and pgq_node.

create schema tailrace;
comment on schema tailrace is 'tailrace: capture, relation descriptors, table states, runners, statistics';

create schema tailrace_capture;
comment on schema tailrace_capture is
    'Trigger functions that tailrace generates, one for each captured table; never edit them by hand';

create table tailrace.installation (
    schema_name   text        not null primary key,
    version       text        not null,
    digest        text        not null,
    installed_at  timestamptz not null default now(),
    changed_at    timestamptz not null default now()
);
comment on table  tailrace.installation is
    'One row for each schema that tailrace has installed here, and may upgrade or drop';
comment on column tailrace.installation.schema_name is 'Name of the schema';
comment on column tailrace.installation.version is 'Version of tailrace that installed it or last upgraded it';
comment on column tailrace.installation.digest is
    'Digest of the SQL files it was made from; equal means there is nothing to upgrade';
comment on column tailrace.installation.installed_at is 'When it was first installed';
comment on column tailrace.installation.changed_at is 'When it was last installed or upgraded';

create table tailrace.migration (
    number      integer     not null,
    kind        text        not null check (kind in ('pre', 'post')),
    name        text        not null,
    applied_at  timestamptz not null default now(),
    primary key (number, kind)
);
comment on table  tailrace.migration is 'Numbered schema changes that this database has; a fresh install has all';
comment on column tailrace.migration.number is 'Number at the head of the file name';
comment on column tailrace.migration.kind is 'pre: ran before the new functions; post: after them';
comment on column tailrace.migration.name is 'Meaning, from the file name';
comment on column tailrace.migration.applied_at is 'When it was applied, or recorded by a fresh install';

create table tailrace.relation (
    relation_id   text        not null primary key check (relation_id ~ '^[0-9a-f]{16}$'),
    table_name    text        not null,
    column_names  text[]      not null,
    column_types  text[]      not null,
    key_columns   text[]      not null,
    old_images    boolean     not null default false,
    created_at    timestamptz not null default now(),
    check (cardinality(column_names) = cardinality(column_types))
);
comment on table  tailrace.relation is
    'Relation descriptors: the shape of a table as its row events were written. Immutable; the id is a hash of the content';
comment on column tailrace.relation.relation_id is 'First 16 hex digits of the sha256 of the content; ev_extra3 of row events';
comment on column tailrace.relation.table_name is 'Global name, schema.table';
comment on column tailrace.relation.column_names is 'Columns in the order of the payload; generated columns are left out';
comment on column tailrace.relation.column_types is 'format_type() of each column on the node that wrote the event';
comment on column tailrace.relation.key_columns is 'Primary key in index order; payload of delete events';
comment on column tailrace.relation.old_images is 'Updates and deletes also carry row:O events';
comment on column tailrace.relation.created_at is 'When this database first stored it';

create table tailrace.table_info (
    queue_name      text        not null,
    table_name      text        not null,
    dest_table      text        not null,
    capture_id      integer     not null generated always as identity unique,
    state           text        not null check (state in ('pending', 'copying', 'syncing', 'live')),
    relation_id     text        references tailrace.relation,
    shape           text,
    aside_tick      bigint,
    copy_tick       bigint,
    copy_source     text,
    copied_rows     bigint      not null default 0,
    copied_bytes    bigint      not null default 0,
    expected_rows   bigint,
    copy_error      text,
    missed_updates  bigint      not null default 0,
    missed_deletes  bigint      not null default 0,
    added_at        timestamptz not null default now(),
    live_at         timestamptz,
    old_images      boolean     not null default false,
    primary key (queue_name, table_name),
    constraint table_info_copied check (state in ('pending', 'copying') or copy_tick is not null or aside_tick is null)
);
comment on table  tailrace.table_info is
    'Tables that this node replicates. A known table without a row here is not local to the node';
comment on column tailrace.table_info.queue_name is 'Queue (set) through which the table is replicated';
comment on column tailrace.table_info.table_name is 'Global name, schema.table; ev_extra1 of its row events';
comment on column tailrace.table_info.dest_table is 'Name of the local table, schema.table, unquoted like table_name';
comment on column tailrace.table_info.capture_id is 'Names the generated trigger functions of the table';
comment on column tailrace.table_info.state is
    'pending: wants a copy; copying: a copy runs or has died; syncing: data is in at copy_tick; live: applied with every batch';
comment on column tailrace.table_info.relation_id is 'Descriptor that the generated capture functions were built for';
comment on column tailrace.table_info.shape is 'tailrace.table_shape() when those functions were built';
comment on column tailrace.table_info.aside_tick is
    'A0: completed tick of the applying consumer when it began to set the table''s events aside (architecture.md 5, step 0); NULL: not yet';
comment on column tailrace.table_info.copy_tick is 'T: the copied rows are the table as of this tick';
comment on column tailrace.table_info.copy_source is 'Node that the rows come from; NULL: the provider';
comment on column tailrace.table_info.copied_rows is 'Progress of the running copy, rows';
comment on column tailrace.table_info.copied_bytes is 'Progress of the running copy, bytes of COPY text';
comment on column tailrace.table_info.expected_rows is 'Planner''s estimate of the rows to copy; NULL: unknown';
comment on column tailrace.table_info.copy_error is 'First line of the last failed copy attempt; NULL after a success';
comment on column tailrace.table_info.added_at is 'When the table was added on this node';
comment on column tailrace.table_info.live_at is 'When it last became live; NULL: not yet';
comment on column tailrace.table_info.old_images is
    'Updates, deletes and TRUNCATE also write the rows as they were (row:O); once on, it stays on';
comment on column tailrace.table_info.missed_updates is 'Updates that met no row here (the row was written whole instead)';
comment on column tailrace.table_info.missed_deletes is 'Deletes that met no row here';

create table tailrace.set_aside (
    queue_name  text    not null,
    table_name  text    not null,
    tick_id     bigint  not null,
    ev_id       bigint  not null,
    ev_type     text    not null,
    ev_data     text,
    ev_extra1   text,
    ev_extra2   text,
    ev_extra3   text,
    ev_extra4   text,
    primary key (queue_name, table_name, tick_id, ev_id)
);
comment on table  tailrace.set_aside is
    'Leaf only: row events of tables in copy, kept until the copy is in (architecture.md 5)';
comment on column tailrace.set_aside.queue_name is 'Queue of the event';
comment on column tailrace.set_aside.table_name is 'Table in copy that the event belongs to';
comment on column tailrace.set_aside.tick_id is 'Tick that ended the batch of the event';
comment on column tailrace.set_aside.ev_id is 'The event''s id on every node';
comment on column tailrace.set_aside.ev_type is 'The event''s type, row:I and so on';
comment on column tailrace.set_aside.ev_data is 'The event''s payload';
comment on column tailrace.set_aside.ev_extra1 is 'The event''s ev_extra1: the table';
comment on column tailrace.set_aside.ev_extra2 is 'The event''s ev_extra2: rows in it when above 1';
comment on column tailrace.set_aside.ev_extra3 is 'The event''s ev_extra3: the descriptor';
comment on column tailrace.set_aside.ev_extra4 is 'The event''s ev_extra4';

create table tailrace.runner (
    queue_name     text        not null,
    consumer_name  text        not null,
    epoch          bigint      not null default 1,
    runner_name    text        not null,
    taken_at       timestamptz not null default now(),
    primary key (queue_name, consumer_name)
);
comment on table  tailrace.runner is
    'Who may have effects for a consumer. Every effect checks the epoch under this row''s lock; a runner with an older epoch can do nothing';
comment on column tailrace.runner.queue_name is 'Queue that the consumer reads';
comment on column tailrace.runner.consumer_name is 'Consumer whose effects are fenced';
comment on column tailrace.runner.taken_at is 'When the runner took the consumer over';
comment on column tailrace.runner.epoch is 'Raised by one whenever a runner takes the consumer over';
comment on column tailrace.runner.runner_name is 'host:pid and a random part';

create table tailrace.passed_relation (
    queue_name   text not null,
    relation_id  text not null references tailrace.relation,
    primary key (queue_name, relation_id)
);
comment on table  tailrace.passed_relation is
    'Descriptors that leaves of this database have put into the queue into which they are merged';
comment on column tailrace.passed_relation.queue_name is 'Combined queue';
comment on column tailrace.passed_relation.relation_id is 'Descriptor of rows that were passed on';

create table tailrace.member (
    queue_name text   not null,
    node_name  text   not null,
    event_id   bigint not null,
    primary key (queue_name, node_name)
);
comment on table  tailrace.member is
    'Nodes that were made known here directly: what the queue tells of the name up to then is old, or of an earlier node';
comment on column tailrace.member.queue_name is 'Cascaded queue';
comment on column tailrace.member.node_name is 'Name of the node';
comment on column tailrace.member.event_id is 'Last event of the root when the node was created';

create table tailrace.hold (
    hold_id        bigint      not null generated always as identity primary key,
    queue_name     text        not null,
    consumer_name  text        not null,
    tick_id        bigint,
    held_for       text        not null,
    expires_at     timestamptz not null
);
comment on table  tailrace.hold is
    'The applying consumer goes no further than the lowest tick held here; used to open a snapshot at a known tick';
comment on column tailrace.hold.hold_id is 'Names the hold, to end or prolong it';
comment on column tailrace.hold.queue_name is 'Queue of the consumer';
comment on column tailrace.hold.consumer_name is 'Applying consumer that waits';
comment on column tailrace.hold.tick_id is 'Go up to this tick and wait there; NULL: wait where you are';
comment on column tailrace.hold.held_for is 'Who asked and why, for status';
comment on column tailrace.hold.expires_at is 'A forgotten hold ends by itself';

create table tailrace.job (
    job_id         text        not null primary key
        default substr(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 32)
        check (job_id ~ '^[0-9a-f]{32}$'),
    job_name       text        not null unique,
    kind           text        not null check (kind in ('worker', 'apply', 'consumer', 'sql', 'export', 'import')),
    queue_name     text        not null,
    node_name      text        not null,
    consumer_name  text        not null,
    wanted         text        not null default 'running'
        check (wanted in ('running', 'canceled', 'finished', 'failed')),
    drain_since    timestamptz,
    drain_tick     bigint,
    statement      text,
    settings       jsonb       not null default '{}',
    created_at     timestamptz not null default now(),
    started_at     timestamptz not null default now(),
    ended_at       timestamptz,
    error          text,
    owner          text,
    schemas        text,
    start_tick     bigint,
    wants_snapshot boolean     not null default false,
    failures       integer     not null default 0,
    drain_after    jsonb,
    program        jsonb,
    restored_from  text,
    unique (queue_name, consumer_name),
    constraint job_drain check (drain_since is not null or drain_tick is null)
);
comment on table  tailrace.job is
    'Running streams of this database. Each consumer that writes into a node is one; a trigger on pgq_node.local_state makes and removes them';
comment on column tailrace.job.job_id is '32 hex digits, drawn at random';
comment on column tailrace.job.job_name is 'Unique in this database; that of the consumer where it is free';
comment on column tailrace.job.kind is
    'worker: brings the batches of a node; apply: writes a branch''s tables; sql: runs statements over changes; export: writes changes into files; import: loads files into a table; consumer: any other that writes into a node';
comment on column tailrace.job.queue_name is 'Queue that it reads';
comment on column tailrace.job.node_name is 'Node of this database that it works for';
comment on column tailrace.job.consumer_name is 'Its consumer; position and pause are in pgq_node.local_state';
comment on column tailrace.job.wanted is
    'running; canceled: to end where it is; finished: to end after all that was committed before; failed: it cannot go on. Follows local_state.paused';
comment on column tailrace.job.drain_since is 'When it was asked to drain and then stop; NULL: it was not';
comment on column tailrace.job.drain_tick is 'Tick up to which it drains; NULL: the root has not been asked yet';
comment on column tailrace.job.statement is 'SQL that it runs; NULL: it replicates';
comment on column tailrace.job.settings is 'Settings it was created with';
comment on column tailrace.job.created_at is 'When it was created';
comment on column tailrace.job.started_at is 'When it was created or last started';
comment on column tailrace.job.ended_at is 'When it last came to rest; NULL: it has not';
comment on column tailrace.job.error is 'What ended it; NULL: nothing';
comment on column tailrace.job.owner is 'SQL job: role that created it, with whose rights its statements run';
comment on column tailrace.job.schemas is 'SQL job: search_path that its statements run with';
comment on column tailrace.job.start_tick is
    'SQL job: the first change that counts comes after this tick; NULL: it is not known yet, the runner finds out';
comment on column tailrace.job.wants_snapshot is
    'SQL job: before its first batch it runs over all rows that its sources hold';
comment on column tailrace.job.failures is 'SQL job: attempts that have failed since one succeeded';
comment on column tailrace.job.drain_after is
    'SQL job that reads what others write: tick that each of them has to reach before its drain begins';
comment on column tailrace.job.program is
    'SQL job: sources and statements as they are run, made of the text when the job was created';
comment on column tailrace.job.restored_from is 'Savepoint that it was last started from; NULL: never from one';

create table tailrace.job_relation (
    job_id        text    not null references tailrace.job on delete cascade,
    direction     text    not null check (direction in ('reads', 'writes')),
    relation      text    not null,
    is_changes    boolean not null default false,
    queue_name    text,
    table_name    text,
    column_names  text[],
    primary key (job_id, direction, relation, is_changes),
    constraint job_relation_changes check (is_changes = (queue_name is not null) and is_changes = (table_name is not null)),
    constraint job_relation_written check (direction = 'reads' or not is_changes)
);
comment on table  tailrace.job_relation is
    'What the statements of a SQL job read and write. A savepoint holds the tables written; lineage is made of all';
comment on column tailrace.job_relation.job_id is 'The job';
comment on column tailrace.job_relation.direction is 'reads or writes';
comment on column tailrace.job_relation.relation is 'Name of the local table or view, schema.table, unquoted like table_info.dest_table';
comment on column tailrace.job_relation.is_changes is 'Its changes are read (changes.<table>), not its rows';
comment on column tailrace.job_relation.queue_name is 'Changes: queue that carries them, the one that the job reads';
comment on column tailrace.job_relation.table_name is 'Changes: global name of the table in that queue';
comment on column tailrace.job_relation.column_names is 'Columns that the statements name; NULL: not known, or all';

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

create table tailrace.export_file (
    job_id       text        not null references tailrace.job on delete cascade,
    table_name   text        not null,
    from_tick    bigint      not null,
    to_tick      bigint      not null,
    row_count    bigint      not null,
    byte_count   bigint      not null,
    noted_at     timestamptz not null default clock_timestamp(),
    published_at timestamptz,
    removed_at   timestamptz,
    primary key (job_id, table_name, from_tick),
    constraint export_file_range check (from_tick >= 0 and from_tick < to_tick)
);
create index export_file_open on tailrace.export_file (job_id) where published_at is null;
create index export_file_age on tailrace.export_file (job_id, published_at) where removed_at is null;
comment on table  tailrace.export_file is
    'Files of jobs of kind export. Noted before anybody can see the file, so that the same ticks never come to stand in two';
comment on column tailrace.export_file.job_id is 'The job';
comment on column tailrace.export_file.table_name is 'Global name of the table whose changes are in it';
comment on column tailrace.export_file.from_tick is
    'Its changes come after this tick; 0: it holds the rows that were there at to_tick';
comment on column tailrace.export_file.to_tick is 'And not after this one';
comment on column tailrace.export_file.row_count is 'Its lines';
comment on column tailrace.export_file.byte_count is 'Its size; 0: there was nothing to write, so there is no file';
comment on column tailrace.export_file.noted_at is 'When it was noted';
comment on column tailrace.export_file.published_at is 'When it was known to be there; NULL: it may be there or not';
comment on column tailrace.export_file.removed_at is 'When it was removed, being old enough; NULL: it was not';

create table tailrace.import_file (
    job_id     text        not null references tailrace.job on delete cascade,
    path       text        not null,
    byte_count bigint      not null,
    version    text        not null,
    digest     text        not null,
    line_count bigint      not null,
    loaded_at  timestamptz not null default clock_timestamp(),
    removed_at timestamptz,
    primary key (job_id, path)
);
create index import_file_age on tailrace.import_file (job_id, loaded_at) where removed_at is null;
comment on table  tailrace.import_file is
    'Files that jobs of kind import have loaded. Written in the transaction of their rows, so that each is loaded once';
comment on column tailrace.import_file.job_id is 'The job';
comment on column tailrace.import_file.path is 'The file, below the job''s directory';
comment on column tailrace.import_file.byte_count is 'Its size when it was loaded';
comment on column tailrace.import_file.version is 'What tells another content of it apart without reading it: time of change, or what its store has for that';
comment on column tailrace.import_file.digest is 'Checksum of its content';
comment on column tailrace.import_file.line_count is 'Its lines';
comment on column tailrace.import_file.loaded_at is 'When it was loaded';
comment on column tailrace.import_file.removed_at is 'When the job removed it, being old enough; NULL: it did not';

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

create table tailrace.flink_address (
    url     text not null,
    cluster text not null,
    place   text not null primary key
);
comment on table  tailrace.flink_address is 'Where Flink clusters are reached; one without a name is called by the first place that it had';
comment on column tailrace.flink_address.url is 'Address of the JobManager''s REST interface, as it was given last';
comment on column tailrace.flink_address.cluster is 'Name of the cluster that was last reached there, or its first place';
comment on column tailrace.flink_address.place is 'The same address however it is spelled: localhost, 127.0.0.1 and [::1] are one';

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
comment on column tailrace.flink_job.cluster is 'Name of the cluster; of one without a name the place where it was first reached';
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
    error         text,
    has_run       boolean     not null default false
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
comment on column tailrace.flink_run.has_run is 'Whether all its tasks have been seen to run: only such a run owns what it claimed, and is one to go on from';

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

create type tailrace.range_part as (
    segment     integer,
    ev_type     text,
    table_name  text,
    relation_id text,
    events      bigint,
    row_count   bigint,
    bytes       bigint,
    largest     integer,
    first_id    bigint,
    last_id     bigint,
    ev_data     text,
    ev_extra2   text,
    ev_extra4   text
);
comment on type tailrace.range_part is
    'Row events of one type, table and descriptor in a segment of a range; or one other event in full';
comment on column tailrace.range_part.segment is 'Number of the piece of the range, from 0';
comment on column tailrace.range_part.table_name is 'ev_extra1';
comment on column tailrace.range_part.relation_id is 'ev_extra3';
comment on column tailrace.range_part.row_count is 'Rows in these events; more than events where some are packed';
comment on column tailrace.range_part.bytes is 'Sum of the lengths of ev_data';
comment on column tailrace.range_part.largest is 'Greatest length of ev_data';
comment on column tailrace.range_part.ev_data is 'Payload; NULL for row events';
