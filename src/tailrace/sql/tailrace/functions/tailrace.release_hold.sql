create or replace function tailrace.release_hold(i_hold_id bigint)
returns void
language sql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.release_hold(1)
--
--      Let the consumer go on.
--
-- Parameters:
--      i_hold_id   from tailrace.hold; an unknown one does no harm
-- Returns:
--      nothing
-- Tables changed:
--      tailrace.hold
-- ----------------------------------------------------------------------
    delete from tailrace.hold h where h.hold_id = i_hold_id
$$;

comment on function tailrace.release_hold(bigint) is 'lets a held consumer go on';
