-- pgq.tune_storage(queue)
--
-- Purpose: set storage options of the event tables. They are only inserted into and truncated, so
--     pages are filled and autovacuum would find nothing to do. A packed event of almost a page
--     stays in the row: compressing it, or moving it out of line, would cost more than it saves.
-- Parameters: i_queue_name  name of the queue
-- Returns: 1 done, 0 no such queue.
-- NULL: returns NULL.
-- Tables changed: none (options of the event tables).

create or replace function pgq.tune_storage(i_queue_name text)
returns int4
language plpgsql
strict
as $$
declare
    v_queue pgq.queue;
    v_index int4;
begin
    select * into v_queue from pgq.queue where queue_name = i_queue_name;
    if not found then
        return 0;
    end if;

    for v_index in 0 .. v_queue.queue_ntables - 1 loop
        execute pg_catalog.format(
            'alter table %s set (fillfactor = 100, autovacuum_enabled = off, '
                'toast_tuple_target = 8160, toast.autovacuum_enabled = off)',
            v_queue.queue_data_pfx || '_' || v_index);
    end loop;
    return 1;
end;
$$;
