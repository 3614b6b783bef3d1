-- pgq.tick_range_tables(queue row, snapshot before, snapshot after)
--
-- Purpose: which event tables may hold events between two ticks: the current one, the one before
--     it, or both. No older one is ever needed, since rotation waits for every consumer.
-- Parameters: i_queue   row of pgq.queue
--             i_before  snapshot of the first tick
--             i_after   snapshot of the second tick
-- Returns: names of one or two tables.
-- NULL: is not passed.

create or replace function pgq.tick_range_tables(
    i_queue pgq.queue, i_before txid_snapshot, i_after txid_snapshot)
returns text[]
language plpgsql
immutable
as $$
declare
    v_current  text := i_queue.queue_data_pfx || '_' || i_queue.queue_cur_table;
    v_previous text := i_queue.queue_data_pfx || '_'
        || (i_queue.queue_cur_table + i_queue.queue_ntables - 1) % i_queue.queue_ntables;
begin
    if pg_catalog.txid_snapshot_xmax(i_after) < i_queue.queue_switch_step1 then
        return array[v_previous];
    end if;
    if pg_catalog.txid_snapshot_xmin(i_before) > i_queue.queue_switch_step2 then
        return array[v_current];
    end if;
    return array[v_previous, v_current];
end;
$$;
