-- pgq.drop_queue(queue [, force])
--
-- Purpose: remove a queue with its tables, ticks and events.
-- Parameters: i_queue_name  name of the queue
--             i_force       true: unregister its consumers first; false: refuse while there are any
-- Returns: 1.
-- NULL: a NULL name raises TR004 (the form with one argument returns NULL); a NULL force is false.
-- Calls: pgq.require_queue, unregister_consumer.
-- Tables changed: pgq.queue, tick, subscription, consumer, retry_queue; drops tables, sequences.

create or replace function pgq.drop_queue(i_queue_name text, i_force boolean)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue    pgq.queue := pgq.require_queue(i_queue_name);
    v_consumer text;
    v_count    bigint;
begin
    select min(c.co_name), count(*) into v_consumer, v_count
    from pgq.subscription s join pgq.consumer c on c.co_id = s.sub_consumer
    where s.sub_queue = v_queue.queue_id;
    if v_count > 0 and i_force is not true then
        raise exception 'queue "%" has % consumer(s), the first is "%"',
                i_queue_name, v_count, v_consumer
            using errcode = 'TR009',
                hint = format('unregister them first, or: select pgq.drop_queue(%L, true)',
                    i_queue_name);
    end if;

    -- The order of locks is event tables, ticks, queue, as everywhere: writers and the ticker
    -- can then be waited for, but not met in a deadlock.
    execute format('drop table %s, %s', v_queue.queue_data_pfx, (
        select string_agg(v_queue.queue_data_pfx || '_' || n, ', ')
        from generate_series(0, v_queue.queue_ntables - 1) as t (n)));
    lock table pgq.tick in share row exclusive mode;
    perform 1 from pgq.queue where queue_id = v_queue.queue_id for update;

    for v_consumer in
        select c.co_name
        from pgq.subscription s join pgq.consumer c on c.co_id = s.sub_consumer
        where s.sub_queue = v_queue.queue_id
    loop
        perform pgq.unregister_consumer(i_queue_name, v_consumer);
    end loop;
    delete from pgq.retry_queue where ev_queue = v_queue.queue_id;
    delete from pgq.tick where tick_queue = v_queue.queue_id;
    delete from pgq.queue where queue_id = v_queue.queue_id;
    execute format('drop sequence %s, %s', v_queue.queue_event_seq, v_queue.queue_tick_seq);
    return 1;
end;
$$;

create or replace function pgq.drop_queue(i_queue_name text)
returns int4
language sql
strict
as $$
    select pgq.drop_queue(i_queue_name, false);
$$;
