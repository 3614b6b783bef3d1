-- pgq.create_event_tables(queue row)
--
-- Purpose: make the sequences and the event tables of a new queue (internal part of create_queue).
-- Parameters: i_queue  row of pgq.queue
-- Returns: nothing.
-- NULL: is not passed.
-- Tables changed: none (creates the event tables and sequences of the queue).

create or replace function pgq.create_event_tables(i_queue pgq.queue)
returns void
language plpgsql
as $$
declare
    v_parent text := i_queue.queue_data_pfx;
    v_table  text;
    v_index  int4;
begin
    -- CACHE 1 is an invariant. Apply lets the event with the highest id win for each row, which is
    -- right only because ids are drawn after the row is locked and before its lock is released:
    -- then id order is lock order. A session that kept a cache of ids would use old ones late.
    execute pg_catalog.format('create sequence %s cache 1', i_queue.queue_event_seq);
    execute pg_catalog.format('create sequence %s cache 1', i_queue.queue_tick_seq);

    execute pg_catalog.format('create table %s () inherits (pgq.event_template)', v_parent);
    execute pg_catalog.format('comment on table %s is %L', v_parent,
        pg_catalog.format('events of queue "%s"; the rows are in its child tables',
            i_queue.queue_name));

    for v_index in 0 .. i_queue.queue_ntables - 1 loop
        v_table := v_parent || '_' || v_index;
        execute pg_catalog.format('create table %s () inherits (%s)', v_table, v_parent);
        execute pg_catalog.format(
            'alter table %s alter column ev_id set default pg_catalog.nextval(%L)',
            v_table, i_queue.queue_event_seq);
        execute pg_catalog.format('create index event_%s_%s_txid_idx on %s (ev_txid)',
            i_queue.queue_id, v_index, v_table);
        execute pg_catalog.format('comment on table %s is %L', v_table,
            pg_catalog.format('events of queue "%s", table %s of the rotation',
                i_queue.queue_name, v_index));
    end loop;
end;
$$;
