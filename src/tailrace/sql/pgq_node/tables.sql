-- Tables of schema pgq_node: who belongs to the tree of a queue, and how far this node is.
-- Names, columns and keys are those of pgq_node 3.5, since its clients read the tables, too.

create schema pgq_node;
comment on schema pgq_node is 'pgq_node: cascaded queues, one queue name on a tree of databases';

create table pgq_node.node_location (
    queue_name     text     not null,
    node_name      text     not null,
    node_location  text     not null,
    dead           boolean  not null default false,
    primary key (queue_name, node_name)
);
comment on table  pgq_node.node_location is
    'All members of the tree of a queue. Each node has a copy; changes are made on the root and travel as pgq.location-info events';
comment on column pgq_node.node_location.queue_name is 'Cascaded queue';
comment on column pgq_node.node_location.node_name is 'Member, unique within the queue';
comment on column pgq_node.node_location.node_location is 'Connection string by which the other nodes reach it';
comment on column pgq_node.node_location.dead is 'Given up: its watermark counts no more and nobody connects to it';

create table pgq_node.node_info (
    queue_name      text  not null primary key,
    node_type       text  not null check (node_type in ('root', 'branch', 'leaf')),
    node_name       text  not null,
    worker_name     text,
    combined_queue  text,
    node_attrs      text,
    foreign key (queue_name, node_name) references pgq_node.node_location (queue_name, node_name),
    constraint node_info_check check (
        case
            when node_type in ('root', 'branch') then worker_name is not null and combined_queue is null
            when node_type = 'leaf' then worker_name is not null
            else false
        end)
);
comment on table  pgq_node.node_info is 'What this database is in the tree of a queue; one row for each cascaded queue here';
comment on column pgq_node.node_info.queue_name is 'Cascaded queue; root and branch hold a queue of that name in pgq, a leaf does not';
comment on column pgq_node.node_info.node_type is 'root: events are written here; branch: a copy that others may read; leaf: applies only';
comment on column pgq_node.node_info.node_name is 'Name of this node in node_location';
comment on column pgq_node.node_info.worker_name is 'Consumer that brings the batches here; its position is in local_state';
comment on column pgq_node.node_info.combined_queue is
    'Leaf only: the cascaded queue of this database that this one is merged into; NULL: a plain leaf';
comment on column pgq_node.node_info.node_attrs is
    'URL-encoded attributes, such as sync_watermark=node4%2cnode5; NULL: none';

create table pgq_node.local_state (
    queue_name     text     not null,
    consumer_name  text     not null,
    provider_node  text     not null,
    last_tick_id   bigint   not null,
    cur_error      text,
    paused         boolean  not null default false,
    uptodate       boolean  not null default false,
    primary key (queue_name, consumer_name),
    foreign key (queue_name) references pgq_node.node_info (queue_name),
    foreign key (queue_name, provider_node) references pgq_node.node_location (queue_name, node_name)
);
comment on table  pgq_node.local_state is
    'Positions and states of the consumers that write into this node, its worker among them';
comment on column pgq_node.local_state.queue_name is 'Cascaded queue that it consumes';
comment on column pgq_node.local_state.consumer_name is 'Consumer; the worker is the one named in node_info';
comment on column pgq_node.local_state.provider_node is 'Node that it reads from; on the root, the root itself';
comment on column pgq_node.local_state.last_tick_id is
    'Completed tick: set in the transaction of the effects of the batch that ends there';
comment on column pgq_node.local_state.cur_error is 'What stops it now; NULL: nothing';
comment on column pgq_node.local_state.paused is 'Wish: take no further batch';
comment on column pgq_node.local_state.uptodate is
    'The running process has seen provider and pause as they stand here; false: it may still act on old ones';

create table pgq_node.subscriber_info (
    queue_name       text  not null,
    subscriber_node  text  not null,
    worker_name      text  not null,
    watermark_name   text  not null,
    primary key (queue_name, subscriber_node),
    foreign key (queue_name) references pgq_node.node_info (queue_name),
    foreign key (queue_name, subscriber_node) references pgq_node.node_location (queue_name, node_name),
    foreign key (worker_name) references pgq.consumer (co_name),
    foreign key (watermark_name) references pgq.consumer (co_name)
);
comment on table  pgq_node.subscriber_info is 'Nodes that read the queue from this node';
comment on column pgq_node.subscriber_info.queue_name is 'Cascaded queue';
comment on column pgq_node.subscriber_info.subscriber_node is 'Node that reads from here';
comment on column pgq_node.subscriber_info.worker_name is 'Its worker, a consumer of the queue here';
comment on column pgq_node.subscriber_info.watermark_name is
    'Consumer that stands at its watermark and so keeps here what the nodes below it may still need';
