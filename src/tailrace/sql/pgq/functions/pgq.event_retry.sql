-- pgq.event_retry(batch, event, time or seconds)
--
-- Purpose: send one event of an open batch back, so that this consumer gets it again later.
-- Parameters: i_batch_id       id of the batch
--             i_event_id       id of the event
--             i_retry_time     time from which it may return, or
--             i_retry_seconds  seconds from now
-- Returns: 1 queued, 0 it is in the retry queue of this consumer already. Raises TR004 when the
--     batch is not open or has no such event.
-- NULL: of batch or event raises TR004; of the time violates a constraint of pgq.retry_queue.
-- Calls: pgq.retry_events.
-- Tables changed: pgq.retry_queue.

create or replace function pgq.event_retry(
    i_batch_id bigint, i_event_id bigint, i_retry_time timestamptz)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_done record;
begin
    -- No event has the id NULL, which would stand for all of them below.
    if i_event_id is not null then
        v_done := pgq.retry_events(i_batch_id, i_event_id, i_retry_time);
        if v_done.found_count > 0 then
            return v_done.queued_count;
        end if;
    end if;
    raise exception 'event % is not in batch %',
            coalesce(i_event_id::text, '<NULL>'), coalesce(i_batch_id::text, '<NULL>')
        using errcode = 'TR004', hint = 'only events of the open batch can be sent back for later';
end;
$$;

create or replace function pgq.event_retry(
    i_batch_id bigint, i_event_id bigint, i_retry_seconds int4)
returns int4
language sql
as $$
    select pgq.event_retry(i_batch_id, i_event_id,
        pg_catalog.now() + pg_catalog.make_interval(secs => i_retry_seconds));
$$;
