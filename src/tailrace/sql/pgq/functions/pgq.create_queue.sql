-- pgq.create_queue(queue)
--
-- Purpose: make a queue: its row, sequences, event tables, grants and first tick (id 1).
-- Parameters: i_queue_name  name of the new queue
-- Returns: 1 created, 0 it exists already. Holds the lock of the ticker to the end of the
--     transaction: commit soon.
-- NULL: raises TR001.
-- Calls: pgq.create_event_tables, grant_perms, tune_storage, make_tick.
-- Tables changed: pgq.queue, pgq.tick; creates tables and sequences.

create or replace function pgq.create_queue(i_queue_name text)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue pgq.queue;
begin
    if i_queue_name is null then
        raise exception 'a queue needs a name, NULL was given'
            using errcode = 'TR001', hint = 'call it as: select pgq.create_queue(''orders'')';
    end if;
    if exists (select 1 from pgq.queue where queue_name = i_queue_name) then
        return 0;
    end if;

    -- The lock of the ticker comes first, because taken after the insert below it could meet
    -- another transaction doing the same, and each would wait for the other. The snapshot may be
    -- an old one: nobody can have inserted into a queue that is not there yet.
    lock table pgq.tick in share row exclusive mode;

    v_queue.queue_id := nextval('pgq.queue_queue_id_seq');
    insert into pgq.queue (queue_id, queue_name, queue_data_pfx, queue_event_seq, queue_tick_seq)
    values (v_queue.queue_id, i_queue_name,
        'pgq.event_' || v_queue.queue_id,
        'pgq.event_' || v_queue.queue_id || '_id_seq',
        'pgq.event_' || v_queue.queue_id || '_tick_seq')
    on conflict (queue_name) do nothing
    returning * into v_queue;
    if not found then
        return 0;
    end if;

    perform pgq.create_event_tables(v_queue);
    perform pgq.grant_perms(i_queue_name);
    perform pgq.tune_storage(i_queue_name);
    perform pgq.make_tick(v_queue.queue_id, txid_current_snapshot(),
        pgq.seq_getval(v_queue.queue_event_seq));
    return 1;
end;
$$;
