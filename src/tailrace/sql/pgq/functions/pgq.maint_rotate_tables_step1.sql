-- pgq.maint_rotate_tables_step1(queue)
--
-- Purpose: let the next event table receive the inserts, after emptying it, when the time has come
--     and no consumer can need it. The table that was current becomes the previous one and is still
--     read. The next rotation waits for step 2, which runs in a later transaction and so marks a
--     transaction id from which on everybody writes to the new table.
-- Parameters: i_queue_name  name of the queue
-- Returns: always 0 (nothing more to do at once), for an unknown queue as well: it may have been
--     dropped since maintenance was planned. Raises TR009 when the last rotation is from the
--     future, TR020 when the slowest consumer has lost its tick.
-- NULL: 0, as for an unknown queue.
-- Calls: pgq.raise_lost_position.
-- Tables changed: pgq.queue, tick; truncates an event table.

create or replace function pgq.maint_rotate_tables_step1(i_queue_name text)
returns int4
language plpgsql
as $$
declare
    v_queue    pgq.queue;
    v_slowest  bigint;
    v_snapshot txid_snapshot;
    v_next     int4;
    v_table    text;
begin
    -- Not "for update": the ticker, on whose lock we may wait below, needs the key of this row.
    select * into v_queue from pgq.queue
    where queue_name = i_queue_name for no key update;
    if not found or v_queue.queue_switch_step2 is null
       or v_queue.queue_switch_time + v_queue.queue_rotation_period >= pg_catalog.now() then
        return 0;
    end if;
    if pg_catalog.txid_current() < v_queue.queue_switch_step1 then
        raise exception 'queue "%": its last rotation has transaction id %, above the current %',
                i_queue_name, v_queue.queue_switch_step1, pg_catalog.txid_current()
            using errcode = 'TR009',
                hint = 'the database was restored into a cluster with lower transaction ids; '
                    'drop the queue and create it again';
    end if;

    select pg_catalog.min(sub_last_tick) into v_slowest
    from pgq.subscription where sub_queue = v_queue.queue_id;
    if v_slowest is not null then
        select tick_snapshot into v_snapshot from pgq.tick
        where tick_queue = v_queue.queue_id and tick_id = v_slowest;
        if not found then
            perform pgq.raise_lost_position(v_queue.queue_id, v_slowest, (
                select pg_catalog.min(c.co_name)
                from pgq.subscription s join pgq.consumer c on c.co_id = s.sub_consumer
                where s.sub_queue = v_queue.queue_id and s.sub_last_tick = v_slowest));
        end if;
        if pg_catalog.txid_snapshot_xmin(v_snapshot) <= v_queue.queue_switch_step2 then
            return 0;
        end if;
    end if;

    v_next := (v_queue.queue_cur_table + 1) % v_queue.queue_ntables;
    v_table := v_queue.queue_data_pfx || '_' || v_next;
    begin
        execute pg_catalog.format('lock table %s in access exclusive mode nowait', v_table);
    exception
        when lock_not_available then
            return 0;
    end;
    execute pg_catalog.format('truncate %s', v_table);

    update pgq.queue
    set queue_cur_table = v_next, queue_switch_time = pg_catalog.now(),
        queue_switch_step1 = pg_catalog.txid_current(), queue_switch_step2 = null
    where queue_id = v_queue.queue_id;
    delete from pgq.tick
    where tick_queue = v_queue.queue_id
        and pg_catalog.txid_snapshot_xmin(tick_snapshot) < v_queue.queue_switch_step2;
    return 0;
end;
$$;
