-- pgq.make_tick(queue id, snapshot, event sequence value)
--
-- Purpose: store the next tick of a queue and wake whoever listens on channel tailrace_tick. The
--     caller holds the lock of pgq.lock_ticks() and took the snapshot after it.
-- Parameters: i_queue_id   queue
--             i_snapshot   which transactions the tick sees
--             i_event_seq  last value of the sequence of event ids
-- Returns: id of the tick; never NULL.
-- NULL: in any argument is an error.
-- Tables changed: pgq.tick.

create or replace function pgq.make_tick(
    i_queue_id int4, i_snapshot txid_snapshot, i_event_seq bigint)
returns bigint
language plpgsql
as $$
declare
    v_queue_name text;
    v_tick_id    bigint;
begin
    insert into pgq.tick (tick_queue, tick_id, tick_snapshot, tick_event_seq)
    select q.queue_id, pg_catalog.nextval(q.queue_tick_seq::pg_catalog.regclass),
        i_snapshot, i_event_seq
    from pgq.queue q
    where q.queue_id = i_queue_id
    returning tick_id into v_tick_id;
    if not found then
        raise exception 'queue with id % does not exist in database "%"',
                coalesce(i_queue_id::text, '<NULL>'), pg_catalog.current_database()
            using errcode = 'TR004', hint = 'look for it in pgq.queue';
    end if;

    select queue_name into v_queue_name from pgq.queue where queue_id = i_queue_id;
    perform pg_catalog.pg_notify('tailrace_tick', v_queue_name);
    return v_tick_id;
end;
$$;
