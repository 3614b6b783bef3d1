-- schema: tailrace
-- Nodes that were made known directly, before the queue told of them.

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
