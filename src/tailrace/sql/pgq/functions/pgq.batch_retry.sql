-- pgq.batch_retry(batch, seconds)
--
-- Purpose: send all events of an open batch back, so that this consumer gets them again later.
-- Parameters: i_batch_id       id of the batch
--             i_retry_seconds  seconds from now until they may return
-- Returns: number of events queued; those in the retry queue of this consumer already do not count.
--     Raises TR004 when the batch is not open.
-- NULL: of the batch raises TR004; of the seconds violates a constraint of pgq.retry_queue.
-- Calls: pgq.retry_events.
-- Tables changed: pgq.retry_queue.

create or replace function pgq.batch_retry(i_batch_id bigint, i_retry_seconds int4)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_done record;
begin
    v_done := pgq.retry_events(i_batch_id, null,
        now() + make_interval(secs => i_retry_seconds));
    return v_done.queued_count;
end;
$$;
