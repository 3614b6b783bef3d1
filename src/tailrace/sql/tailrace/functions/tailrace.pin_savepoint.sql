create or replace function tailrace.pin_savepoint(
    i_savepoint_id text,
    out queue_name        text,
    out pin               text,
    out tick_id           bigint,
    out provider_node     text,
    out provider_location text
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.pin_savepoint(1)
--
--      First step of writing a savepoint: the events after the job's completed tick are held by a
--      consumer ".savepoint.<id>" on the queue that the job reads. It gets a position in this node,
--      so that whatever moves the node moves it, too. Where that queue is in another database, the
--      caller registers the consumer there next.
--
-- Parameters:
--      i_savepoint_id  - id of the savepoint
--
-- Returns:
--      queue_name         - queue
--      pin                - the consumer
--      tick_id            - tick at which it is to be registered
--      provider_node      - node that holds the queue
--      provider_location  - where that is; NULL: here, and all is done
--      Raises TR004 when the wish was withdrawn, or the job is gone.
--
-- Calls:
--      pgq.register_consumer_at, pgq_node.register_consumer
-- Tables directly manipulated:
--      update - tailrace.savepoint
-- ----------------------------------------------------------------------
declare
    v_one tailrace.savepoint;
    v_own boolean;
begin
    update tailrace.savepoint as s
    set state = 'writing', attempts = s.attempts + 1, done_rows = 0, error = null
    where s.savepoint_id = i_savepoint_id and s.state in ('requested', 'writing')
    returning s.* into v_one;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('savepoint "%s" is not wanted any more', i_savepoint_id);
    end if;
    queue_name := v_one.queue_name;
    pin := '.savepoint.' || i_savepoint_id;

    select p.last_tick_id, p.provider_node, l.node_location, p.provider_node = n.node_name
    into tick_id, provider_node, provider_location, v_own
    from pgq_node.local_state as p
    join pgq_node.node_info as n on n.queue_name = p.queue_name
    left join pgq_node.node_location as l
        on l.queue_name = p.queue_name and l.node_name = p.provider_node
    where p.queue_name = v_one.queue_name and p.consumer_name = v_one.consumer_name;
    if not found then
        raise exception using errcode = 'TR004',
            message = pg_catalog.format('job "%s" has been removed from database "%s" meanwhile',
                v_one.job_name, pg_catalog.current_database());
    end if;
    if v_own then
        provider_location := null;
        perform pgq.register_consumer_at(v_one.queue_name, pin, tick_id);
    end if;
    perform pgq_node.register_consumer(v_one.queue_name, pin, provider_node, tick_id);
end;
$body$;

comment on function tailrace.pin_savepoint(text) is 'first step of writing a savepoint: its events are held';
