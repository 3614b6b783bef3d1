-- pgq.get_batch_events(batch)
--
-- Purpose: all events of an open batch, in the order of their ids.
-- Parameters: i_batch_id  id of the batch
-- Returns: the events; none when the batch is empty. Raises TR004 when no such batch is open.
-- NULL: raises TR004.
-- Calls: pgq.batch_event_sql.

create or replace function pgq.get_batch_events(
    i_batch_id bigint,
    out ev_id bigint, out ev_time timestamptz, out ev_txid bigint, out ev_retry int4,
    out ev_type text, out ev_data text,
    out ev_extra1 text, out ev_extra2 text, out ev_extra3 text, out ev_extra4 text)
returns setof record
language plpgsql
as $$
begin
    return query execute pgq.batch_event_sql(i_batch_id);
end;
$$;
