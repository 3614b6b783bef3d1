create or replace function tailrace.forget_lost_events(
    i_queue     text,
    i_tick      bigint,
    i_provider  text,
    i_watermark bigint,
    i_parts     jsonb,
    out events    bigint,
    out ticks     bigint,
    out consumers text[],
    out readers   text[],
    out copied    text[]
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.forget_lost_events(5)
--
--      Make the queue of a branch that has stepped down what it was at a tick: what came later was
--      seen by nobody else, and the node that took its place has given the same tick and event ids
--      to other events. All in one transaction, so that nobody ever sees half of it.
--
-- Parameters:
--      i_queue      - queue
--      i_tick       - last tick that the node has in common with the others
--      i_provider   - node that it reads from next
--      i_watermark  - global watermark of that node
--      i_parts      - where the leaves stand that are merged there, see tailrace.rewind_parts
--
-- Returns:
--      events     - events deleted: exactly those that the tick does not see
--      ticks      - later ticks deleted
--      consumers  - plain consumers of the queue that were unregistered: they read events that are
--                   gone, and belong to the new root
--      readers    - nodes that still were subscribers here
--      copied     - tables that will be loaded anew, see tailrace.recopy_merged
--      Consumers that write into this database (<node>.apply among them) and pins (names that
--      begin with a dot) stay, those beyond the tick at the tick. Done again: nothing is left to do.
--
-- Calls:
--      pgq_node.lock_ticks, pgq_node.unregister_subscriber, pgq.unregister_consumer,
--      pgq.register_consumer_at, tailrace.raise_lost_position, tailrace.rewind_parts,
--      tailrace.recopy_merged, tailrace.delete_events_after, tailrace.fail_jobs_beyond
-- Tables directly manipulated:
--      delete - pgq.tick; update - pgq_node.local_state, tailrace.runner
-- ----------------------------------------------------------------------
declare
    v_node     pgq_node.node_info%rowtype;
    v_queue_id integer;
    v_name     text;
    v_tick     bigint;
begin
    select n.* into v_node from pgq_node.node_info as n where n.queue_name = i_queue for no key update;
    if v_node.node_type is distinct from 'branch' then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('node of queue "%s" in database "%s" is no branch; it must step down first',
                i_queue, pg_catalog.current_database());
    end if;
    perform pgq_node.lock_ticks(i_queue);
    select q.queue_id into v_queue_id from pgq.queue as q where q.queue_name = i_queue;
    perform 1 from pgq.tick as t where t.tick_queue = v_queue_id and t.tick_id = i_tick;
    if not found then
        perform tailrace.raise_lost_position(i_queue, v_node.worker_name, i_tick);
    end if;

    readers := array(select s.subscriber_node from pgq_node.subscriber_info as s
        where s.queue_name = i_queue order by 1);
    perform pgq_node.unregister_subscriber(i_queue, r.name) from pg_catalog.unnest(readers) as r (name);

    consumers := array(select c.consumer_name from pgq.get_consumer_info(i_queue) as c
        where (c.consumer_name !~ '^\.' or c.consumer_name ~ '^\..*\.watermark$')
            and c.consumer_name not in (
                select s.consumer_name from pgq_node.local_state as s where s.queue_name = i_queue)
        order by 1);
    perform pgq.unregister_consumer(i_queue, r.name) from pg_catalog.unnest(consumers) as r (name);
    for v_name in
        select c.consumer_name from pgq.get_consumer_info(i_queue) as c where c.last_tick > i_tick
    loop
        perform pgq.register_consumer_at(i_queue, v_name, i_tick);
    end loop;

    -- the watermark of the others, where this queue has that tick, is as good as its own
    select t.tick_id into v_tick from pgq.tick as t
    where t.tick_queue = v_queue_id and t.tick_id = least(i_watermark, i_tick);
    if found then
        perform pgq.register_consumer_at(i_queue, '.global_watermark', v_tick);
    end if;

    perform tailrace.rewind_parts(i_queue, i_tick, i_parts);
    copied := tailrace.recopy_merged(i_queue, i_tick);
    events := tailrace.delete_events_after(i_queue, i_tick);
    delete from pgq.tick as t where t.tick_queue = v_queue_id and t.tick_id > i_tick;
    get diagnostics ticks = row_count;

    perform tailrace.fail_jobs_beyond(i_queue, i_tick);
    update pgq_node.local_state as s
    set last_tick_id = least(s.last_tick_id, i_tick), cur_error = null, uptodate = false
    where s.queue_name = i_queue and s.provider_node = v_node.node_name;
    update pgq_node.local_state as s
    set last_tick_id = i_tick, provider_node = i_provider, paused = true
    where s.queue_name = i_queue and s.consumer_name = v_node.worker_name;
    -- a runner that still thinks of the old position must not write any more
    update tailrace.runner as r set epoch = r.epoch + 1 where r.queue_name = i_queue;
end;
$body$;

comment on function tailrace.forget_lost_events(text, bigint, text, bigint, jsonb) is
    'makes the queue of a branch that has stepped down what it was at a tick';
