-- schema: tailrace
-- Jobs that load files into a table.

alter table tailrace.job drop constraint job_kind_check;
alter table tailrace.job add constraint job_kind_check
    check (kind in ('worker', 'apply', 'consumer', 'sql', 'import'));
comment on column tailrace.job.kind is
    'worker: brings the batches of a node; apply: writes a branch''s tables; sql: runs statements over changes; import: loads files into a table; consumer: any other that writes into a node';

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
