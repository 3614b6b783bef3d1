create or replace function tailrace.refuse_retried(
    i_queue    text,
    i_consumer text,
    i_ev_id    bigint
) returns text
language plpgsql stable parallel safe as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.refuse_retried(3)
--
--      An event that somebody has sent back for later must not reach a cascaded consumer: it has
--      been handled in its own batch, and would be out of order now.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer for which it was sent back
--      i_ev_id     - the event
--
-- Returns:
--      nothing; raises TR030
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    raise exception using errcode = 'TR030',
        message = pg_catalog.format(
            'event %s of queue "%s" was sent back for later for consumer "%s", which takes events in their order only',
            i_ev_id, i_queue, i_consumer),
        hint = 'somebody called pgq.event_retry for it; it was handled in its own batch, so delete this copy '
            '(ev_owner is set) from the event table';
end;
$body$;

comment on function tailrace.refuse_retried(text, text, bigint) is
    'refuses an event that was sent back for later';
