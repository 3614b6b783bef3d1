-- pgq.insert_event(queue, type, data [, extra1, extra2, extra3, extra4])
--
-- Purpose: insert one event; its time is the start of the transaction.
-- Parameters: i_queue_name                name of the queue
--             i_ev_type, i_ev_data        kind and payload
--             i_ev_extra1 .. i_ev_extra4  more payload
-- Returns: id of the event; never NULL.
-- NULL: a NULL queue raises TR004, as an unknown one; all else may be NULL.
-- Calls: pgq.insert_event_raw.
-- Tables changed: the current event table of the queue.

create or replace function pgq.insert_event(
    i_queue_name text, i_ev_type text, i_ev_data text,
    i_ev_extra1 text, i_ev_extra2 text, i_ev_extra3 text, i_ev_extra4 text)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return pgq.insert_event_raw(i_queue_name, null, null, null, null, i_ev_type, i_ev_data,
        i_ev_extra1, i_ev_extra2, i_ev_extra3, i_ev_extra4);
end;
$$;

-- The short form is written so that the planner replaces a call of it by a call of the long one.
create or replace function pgq.insert_event(i_queue_name text, i_ev_type text, i_ev_data text)
returns bigint
language sql
as $$
    select pgq.insert_event(i_queue_name, i_ev_type, i_ev_data, null, null, null, null);
$$;
