-- schema: tailrace
-- Leaves that are merged into another queue remember which descriptors they have put there.

create table tailrace.passed_relation (
    queue_name   text not null,
    relation_id  text not null references tailrace.relation,
    primary key (queue_name, relation_id)
);
comment on table  tailrace.passed_relation is
    'Descriptors that leaves of this database have put into the queue into which they are merged';
comment on column tailrace.passed_relation.queue_name is 'Combined queue';
comment on column tailrace.passed_relation.relation_id is 'Descriptor of rows that were passed on';
