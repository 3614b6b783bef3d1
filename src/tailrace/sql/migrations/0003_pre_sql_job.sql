-- schema: tailrace
-- SQL jobs: what one reads and writes, how it begins, how it fails; tables that are captured with old images.

alter table tailrace.table_info add column old_images boolean not null default false;
comment on column tailrace.table_info.old_images is
    'Updates, deletes and TRUNCATE also write the rows as they were (row:O); once on, it stays on';

alter table tailrace.job
    add column owner          text,
    add column schemas        text,
    add column start_tick     bigint,
    add column wants_snapshot boolean not null default false,
    add column failures       integer not null default 0,
    add column drain_after    jsonb,
    drop constraint job_kind_check,
    drop constraint job_wanted_check,
    add constraint job_kind_check check (kind in ('worker', 'apply', 'consumer', 'sql')),
    add constraint job_wanted_check check (wanted in ('running', 'canceled', 'finished', 'failed'));
comment on column tailrace.job.kind is
    'worker: brings the batches of a node; apply: writes a branch''s tables; sql: runs statements over changes; consumer: any other that writes into a node';
comment on column tailrace.job.wanted is
    'running; canceled: to end where it is; finished: to end after all that was committed before; failed: it cannot go on. Follows local_state.paused';
comment on column tailrace.job.owner is 'SQL job: role that created it, with whose rights its statements run';
comment on column tailrace.job.schemas is 'SQL job: search_path that its statements run with';
comment on column tailrace.job.start_tick is
    'SQL job: the first change that counts comes after this tick; NULL: it is not known yet, the runner finds out';
comment on column tailrace.job.wants_snapshot is
    'SQL job: before its first batch it runs over all rows that its sources hold';
comment on column tailrace.job.failures is 'SQL job: attempts that have failed since one succeeded';
comment on column tailrace.job.drain_after is
    'SQL job that reads what others write: tick that each of them has to reach before its drain begins';

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
