create or replace function tailrace.ensure_local() returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.ensure_local(0)
--
--      Make the local queue of this database, through which its jobs read what other jobs write:
--      an ordinary cascaded queue whose root and only node this database is. Nobody subscribes to
--      it, so it has no watermark to tell, and its worker nothing to do: it is no job.
--
-- Returns:
--      name of the queue
--
-- Calls:
--      pgq_node.register_location, pgq_node.create_node, pgq.unregister_consumer, pgq.set_queue_config
-- Tables directly manipulated:
--      delete - tailrace.job
-- ----------------------------------------------------------------------
declare
    v_queue constant text := 'tailrace.local';
    v_node  constant text := pg_catalog.current_database();
    v_ret   record;
begin
    -- one at a time begins to read from it, or lets go (tailrace.let_go_locally)
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('queue ' || v_queue, 7461));
    if exists (select 1 from pgq_node.node_info as n where n.queue_name = v_queue) then
        return v_queue;
    end if;
    -- named after the database, so that jobs of several databases in one list are told apart
    perform pgq_node.register_location(v_queue, v_node,
        'dbname=' || pg_catalog.quote_ident(pg_catalog.current_database()), false);
    select * into v_ret from pgq_node.create_node(v_queue, 'root', v_node, 'local.worker', null, null, null);
    if v_ret.ret_code >= 300 then
        raise exception using errcode = 'TR009', message = v_ret.ret_note;
    end if;
    perform pgq.unregister_consumer(v_queue, '.global_watermark');
    perform pgq.set_queue_config(v_queue, 'ticker_max_lag', '20 milliseconds');
    delete from tailrace.job as j where j.queue_name = v_queue and j.kind = 'worker';
    return v_queue;
end;
$body$;

comment on function tailrace.ensure_local() is 'makes the queue through which jobs read what jobs of the same database write';
