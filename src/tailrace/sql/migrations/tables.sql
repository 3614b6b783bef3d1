-- The record of what tailrace has installed in this database.
create schema if not exists tailrace;

create table if not exists tailrace.installation (
    schema_name text primary key,
    version text not null,
    digest text not null,
    installed_at timestamptz not null default now(),
    changed_at timestamptz not null default now()
);
comment on table tailrace.installation is 'One row for each schema that tailrace has installed and may upgrade or drop.';
comment on column tailrace.installation.schema_name is 'Name of the schema.';
comment on column tailrace.installation.version is 'Version of tailrace that installed or last upgraded it.';
comment on column tailrace.installation.digest is 'Digest of the SQL files it was made from; equal means there is nothing to upgrade.';
comment on column tailrace.installation.installed_at is 'When it was first installed.';
comment on column tailrace.installation.changed_at is 'When it was last installed or upgraded.';

create table if not exists tailrace.migration (
    number integer not null check (number > 0),
    kind text not null check (kind in ('pre', 'post')),
    name text not null,
    applied_at timestamptz not null default now(),
    primary key (number, kind)
);
comment on table tailrace.migration is 'The numbered changes of our tables that this database has had, or, from a fresh install, never needed.';
comment on column tailrace.migration.number is 'Number in the name of the file.';
comment on column tailrace.migration.kind is 'pre runs before the new functions are made, post after the last old process is gone.';
comment on column tailrace.migration.name is 'What it changed, from the name of the file.';
comment on column tailrace.migration.applied_at is 'When it was applied here, or recorded by a fresh install.';
