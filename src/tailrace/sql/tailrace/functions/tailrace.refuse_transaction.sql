create or replace function tailrace.refuse_transaction(
    i_procedure text,
    i_function  text
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.refuse_transaction(2)
--
--      Say in a sentence what COMMIT would say in riddles: that a procedure which waits cannot be
--      called inside a transaction. A statement of its own has begun its transaction; one that
--      comes with Bind (an unnamed portal shows that) has begun it with Parse, a little before, so
--      there only what was written before gives the transaction away, and else COMMIT itself does.
--
-- Parameters:
--      i_procedure  - procedure that was called
--      i_function   - function that records the same wish and returns at once
--
-- Returns:
--      nothing; raises TR009
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    if pg_catalog.pg_current_xact_id_if_assigned() is null
        and (pg_catalog.statement_timestamp() = pg_catalog.transaction_timestamp()
            or exists (select 1 from pg_catalog.pg_cursors as c where c.name = '')) then
        return;
    end if;
    raise exception using errcode = 'TR009',
        message = pg_catalog.format('procedure %s waits, and so cannot be called inside a transaction', i_procedure),
        hint = pg_catalog.format(
            'call it outside of one, or record the wish with: select * from %s(…)', i_function);
end;
$body$;

comment on function tailrace.refuse_transaction(text, text) is
    'says that a procedure which waits cannot be called inside a transaction';
