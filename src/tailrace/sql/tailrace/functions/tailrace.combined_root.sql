create or replace function tailrace.combined_root(
    i_queue text
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.combined_root(1)
--
--      The queue that a leaf of this database writes its events into, if it takes any now. Asked
--      in the transaction that writes, which needs its id before it looks at pgq.queue: so a
--      demotion either waits for it (pgq_node.await_writers) or is seen here.
--
-- Parameters:
--      i_queue  - queue of a leaf that is merged
--
-- Returns:
--      name of the combined queue; NULL: its node here is no root, or is being demoted
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_queue text;
begin
    perform pg_catalog.txid_current();
    select c.queue_name into v_queue
    from pgq_node.node_info as n
    join pgq_node.node_info as c on c.queue_name = n.combined_queue
    join pgq.queue as q on q.queue_name = c.queue_name
    where n.queue_name = i_queue and n.node_type = 'leaf'
        and c.node_type = 'root' and not q.queue_disable_insert;
    return v_queue;
end;
$body$;

comment on function tailrace.combined_root(text) is
    'queue that a merged leaf writes into; null: it takes no events now';
