-- schema: tailrace
-- Runs of Flink that were refused are told from those that ran.

alter table tailrace.flink_run add column has_run boolean not null default false;
update tailrace.flink_run set has_run = true
where status in ('RUNNING', 'CANCELLING', 'CANCELED', 'FINISHED', 'SUSPENDED') or checkpoint is not null;
comment on column tailrace.flink_run.has_run is 'Whether all its tasks have been seen to run: only such a run owns what it claimed, and is one to go on from';
