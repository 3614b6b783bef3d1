-- Schema pgq_coop: members that share the work of one consumer. It has no tables of its own: a
-- member is a row of pgq.subscription with the sub_id of its consumer, called <consumer>.<member>.

create schema pgq_coop;

comment on schema pgq_coop is
    'cooperative consumers: members that share the batches of one consumer (compatible with PgQ 3.5)';
