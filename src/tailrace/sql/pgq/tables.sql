-- Schema pgq: the queues of this database.
--
-- Names, columns and types are those of PgQ 3.5, because existing consumers, producers and the
-- daemon pgqd read these tables. Run once, on a fresh install; later changes are migrations.

create schema pgq;

comment on schema pgq is
    'transactional queues: events are rows, ticks cut them into batches (compatible with PgQ 3.5)';

-- consumer ------------------------------------------------------------------------------------

create table pgq.consumer (
    co_id   serial,
    co_name text not null,

    constraint consumer_pkey primary key (co_id),
    constraint consumer_name_uq unique (co_name)
);

comment on table pgq.consumer is 'names of all consumers, whatever queue they read';
comment on column pgq.consumer.co_id is 'internal id';
comment on column pgq.consumer.co_name is 'name the consumer calls itself';

-- queue ---------------------------------------------------------------------------------------

create table pgq.queue (
    queue_id                 serial,
    queue_name               text not null,

    queue_ntables            integer not null default 3,
    queue_cur_table          integer not null default 0,
    queue_rotation_period    interval not null default '2 hours',
    queue_switch_step1       bigint not null default pg_catalog.txid_current(),
    queue_switch_step2       bigint default pg_catalog.txid_current(),
    queue_switch_time        timestamptz not null default pg_catalog.now(),

    queue_external_ticker    boolean not null default false,
    queue_disable_insert     boolean not null default false,
    queue_ticker_paused      boolean not null default false,
    queue_ticker_max_count   integer not null default 500,
    queue_ticker_max_lag     interval not null default '3 seconds',
    queue_ticker_idle_period interval not null default '1 minute',
    queue_per_tx_limit       integer,

    queue_data_pfx           text not null,
    queue_event_seq          text not null,
    queue_tick_seq           text not null,
    queue_extra_maint        text[],

    constraint queue_pkey primary key (queue_id),
    constraint queue_name_uq unique (queue_name)
);

comment on table pgq.queue is 'one row a queue: settings, rotation state, names of its tables';
comment on column pgq.queue.queue_id is 'internal id; part of the names of the data tables';
comment on column pgq.queue.queue_name is 'name the queue is called by';
comment on column pgq.queue.queue_ntables is 'number of event tables that take turns';
comment on column pgq.queue.queue_cur_table is 'index of the event table that receives inserts';
comment on column pgq.queue.queue_rotation_period is 'least time between two rotations';
comment on column pgq.queue.queue_switch_step1 is
    'id of the transaction that made the current table current';
comment on column pgq.queue.queue_switch_step2 is
    'id of a later transaction, so that every newer one sees the switch; null: not yet run';
comment on column pgq.queue.queue_switch_time is 'time of the last rotation';
comment on column pgq.queue.queue_external_ticker is
    'ticks come from another node; the local ticker refuses';
comment on column pgq.queue.queue_disable_insert is
    'inserts are refused unless session_replication_role is replica';
comment on column pgq.queue.queue_ticker_paused is 'no ticks are made';
comment on column pgq.queue.queue_ticker_max_count is 'tick when this many new events wait';
comment on column pgq.queue.queue_ticker_max_lag is
    'tick when an event waits and the last tick is this old';
comment on column pgq.queue.queue_ticker_idle_period is
    'greatest distance of ticks when there are no events';
comment on column pgq.queue.queue_per_tx_limit is
    'most events one transaction may insert with insert_event; null: any number';
comment on column pgq.queue.queue_data_pfx is
    'parent of the event tables, and the prefix of their names';
comment on column pgq.queue.queue_event_seq is 'sequence of event ids';
comment on column pgq.queue.queue_tick_seq is 'sequence of tick ids';
comment on column pgq.queue.queue_extra_maint is
    'functions that maintenance calls, too, each with the name of the queue';

-- tick ----------------------------------------------------------------------------------------

create table pgq.tick (
    tick_queue     int4 not null,
    tick_id        bigint not null,
    tick_time      timestamptz not null default pg_catalog.now(),
    tick_snapshot  txid_snapshot not null default pg_catalog.txid_current_snapshot(),
    tick_event_seq bigint not null,

    constraint tick_pkey primary key (tick_queue, tick_id),
    constraint tick_queue_fkey foreign key (tick_queue) references pgq.queue (queue_id)
);

comment on table pgq.tick is
    'numbered snapshots; a batch is what became visible between two of them. Whoever inserts here '
    'first locks the table in share row exclusive mode and takes the snapshot after that';
comment on column pgq.tick.tick_queue is 'queue that was ticked';
comment on column pgq.tick.tick_id is 'number of the tick, growing in each queue';
comment on column pgq.tick.tick_time is 'time of the tick (where it was first made)';
comment on column pgq.tick.tick_snapshot is 'which transactions were visible at the tick';
comment on column pgq.tick.tick_event_seq is
    'last value of the sequence of event ids at the tick: a hint for counts, no limit of a batch';

-- subscription --------------------------------------------------------------------------------

create sequence pgq.batch_id_seq;

comment on sequence pgq.batch_id_seq is 'batch ids, one sequence for all queues of the database';

create table pgq.subscription (
    sub_id        serial,
    sub_queue     int4 not null,
    sub_consumer  int4 not null,
    sub_last_tick bigint,
    sub_active    timestamptz not null default pg_catalog.now(),
    sub_batch     bigint,
    sub_next_tick bigint,

    constraint subscription_pkey primary key (sub_queue, sub_consumer),
    constraint subscription_batch_idx unique (sub_batch),
    constraint sub_queue_fkey foreign key (sub_queue) references pgq.queue (queue_id),
    constraint sub_consumer_fkey foreign key (sub_consumer) references pgq.consumer (co_id)
);

comment on table pgq.subscription is 'position of each consumer on each queue that it reads';
comment on column pgq.subscription.sub_id is
    'owner of retried events; not unique, since cooperative members share that of the consumer';
comment on column pgq.subscription.sub_queue is 'queue that is read';
comment on column pgq.subscription.sub_consumer is 'consumer that reads';
comment on column pgq.subscription.sub_last_tick is
    'end of the last finished batch; null for an idle cooperative member';
comment on column pgq.subscription.sub_active is
    'last time a batch was opened or finished, or the position was set';
comment on column pgq.subscription.sub_batch is 'id of the open batch; null: none is open';
comment on column pgq.subscription.sub_next_tick is 'end of the open batch; null: none is open';

-- events --------------------------------------------------------------------------------------

create table pgq.event_template (
    ev_id     bigint not null,
    ev_time   timestamptz not null,
    ev_txid   bigint not null default pg_catalog.txid_current(),
    ev_owner  int4,
    ev_retry  int4,
    ev_type   text,
    ev_data   text,
    ev_extra1 text,
    ev_extra2 text,
    ev_extra3 text,
    ev_extra4 text
);

comment on table pgq.event_template is
    'parent of all event tables; always empty. Its grants are copied to the tables of each queue';
comment on column pgq.event_template.ev_id is 'number of the event, growing in each queue';
comment on column pgq.event_template.ev_time is 'time the inserting transaction began';
comment on column pgq.event_template.ev_txid is
    'id of the inserting transaction; decides to which batch the event belongs';
comment on column pgq.event_template.ev_owner is
    'subscription (sub_id) that sent the event back for later; null: the event is for everybody';
comment on column pgq.event_template.ev_retry is 'how often it was sent back; null: never';
comment on column pgq.event_template.ev_type is 'kind of event';
comment on column pgq.event_template.ev_data is 'payload';
comment on column pgq.event_template.ev_extra1 is 'free; table triggers write the table name';
comment on column pgq.event_template.ev_extra2 is 'free';
comment on column pgq.event_template.ev_extra3 is 'free';
comment on column pgq.event_template.ev_extra4 is 'free';

-- retry ---------------------------------------------------------------------------------------

create table pgq.retry_queue (
    ev_retry_after timestamptz not null,
    ev_queue       int4 not null,
    like pgq.event_template including comments,

    constraint rq_pkey primary key (ev_owner, ev_id),
    constraint rq_queue_id_fkey foreign key (ev_queue) references pgq.queue (queue_id)
);

alter table pgq.retry_queue alter column ev_owner set not null;
alter table pgq.retry_queue alter column ev_txid drop not null;

create index rq_retry_idx on pgq.retry_queue (ev_retry_after);

comment on table pgq.retry_queue is
    'events that consumers sent back for later; pgq.maint_retry_events() returns them when due';
comment on column pgq.retry_queue.ev_retry_after is 'time from which the event may return';
comment on column pgq.retry_queue.ev_queue is 'queue that the event returns to';
