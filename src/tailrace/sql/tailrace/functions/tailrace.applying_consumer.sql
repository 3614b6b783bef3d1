create or replace function tailrace.applying_consumer(i_queue text)
returns text
language plpgsql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.applying_consumer(1)
--
--      Name of the consumer that changes the replicated tables of this
--      node: a leaf's worker, a branch's <node>.apply. Its position says
--      which tick the tables are at.
--
-- Parameters:
--      i_queue     queue
-- Returns:
--      the name; NULL on a root, where the application changes the tables
-- Raises:
--      TR004 when the queue has no node in this database
-- Tables changed:
--      none
-- ----------------------------------------------------------------------
declare
    v_node pgq_node.node_info;
begin
    select * into v_node from pgq_node.node_info n where n.queue_name = i_queue;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('queue "%s" has no node in database "%s"',
                                        i_queue, pg_catalog.current_database()),
            hint = 'create one with: tailrace create-root, create-branch or create-leaf';
    end if;
    return case v_node.node_type
        when 'branch' then v_node.node_name || '.apply'
        when 'leaf' then v_node.worker_name
    end;
end;
$$;

comment on function tailrace.applying_consumer(text) is
    'the consumer that changes the replicated tables of this node; NULL on a root';
