-- Queries of schema tailrace: everything that Python asks of it, under the heading of who asks.

-- ---------------------------------------------------------------- Node commands and status

-- all_relations: every relation descriptor, in the form that store_relation takes
select tailrace.relation_json(
    r.relation_id, r.table_name, r.column_names, r.column_types, r.key_columns, r.old_images) as json
from tailrace.relation as r
order by r.created_at, r.relation_id;

-- table_relations: the descriptors of one table, likewise
select tailrace.relation_json(
    r.relation_id, r.table_name, r.column_names, r.column_types, r.key_columns, r.old_images) as json
from tailrace.relation as r
where r.table_name = %(table)s
order by r.created_at, r.relation_id;

-- store_relation: keep a descriptor; one that is there already stays
select tailrace.store_relation(%(json)s);

-- forget_queue: remove tables, triggers and positions of a node that is about to be dropped
select tailrace.forget_queue(%(queue)s);
