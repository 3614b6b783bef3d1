-- pgq.batch_event_sql(batch)
--
-- Purpose: text of the query for the events of an open batch, in the order of their ids.
-- Parameters: i_batch_id  id of the batch
-- Returns: SELECT with the columns of pgq.get_batch_events. Raises TR004 when no such batch is
--     open.
-- NULL: raises TR004.
-- Calls: pgq.tick_range_sql.

create or replace function pgq.batch_event_sql(i_batch_id bigint)
returns text
language plpgsql
stable
as $$
declare
    v_sub pgq.subscription;
begin
    select * into v_sub from pgq.subscription where sub_batch = i_batch_id;
    if not found then
        raise exception 'batch % is not open in database "%"',
                coalesce(i_batch_id::text, '<NULL>'), pg_catalog.current_database()
            using errcode = 'TR004', hint = 'open one with: select pgq.next_batch(queue, consumer)';
    end if;
    return pgq.tick_range_sql(v_sub.sub_queue, v_sub.sub_id,
        v_sub.sub_last_tick, v_sub.sub_next_tick) || ' order by ev_id';
end;
$$;
