-- schema: tailrace
-- Jobs that write the changes of tables into files.

alter table tailrace.job drop constraint job_kind_check;
alter table tailrace.job add constraint job_kind_check
    check (kind in ('worker', 'apply', 'consumer', 'sql', 'export', 'import'));
comment on column tailrace.job.kind is
    'worker: brings the batches of a node; apply: writes a branch''s tables; sql: runs statements over changes; export: writes changes into files; import: loads files into a table; consumer: any other that writes into a node';

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
