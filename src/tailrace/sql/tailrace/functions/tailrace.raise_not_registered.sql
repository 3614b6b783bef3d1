create or replace function tailrace.raise_not_registered(
    i_queue    text,
    i_consumer text
) returns void
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.raise_not_registered(2)
--
--      Raise the error of a consumer that this queue does not know.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer
--
-- Returns:
--      never; raises TR004
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    raise exception using errcode = 'TR004',
        message = pg_catalog.format('consumer "%s" is not registered on queue "%s" in database "%s"',
            i_consumer, i_queue, pg_catalog.current_database()),
        hint = 'a node''s worker is registered by: tailrace change-provider';
end;
$body$;

comment on function tailrace.raise_not_registered(text, text) is
    'raises the error of a consumer that a queue does not know';
