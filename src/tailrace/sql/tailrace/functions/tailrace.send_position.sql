create or replace function tailrace.send_position(
    i_queue text,
    i_tick  bigint
) returns bigint
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.send_position(2)
--
--      Tell the readers of the combined queue how far a merged queue is in it, in the transaction
--      of the batch and after its events. Leaves on combined branches follow this.
--
-- Parameters:
--      i_queue  - queue of the leaf
--      i_tick   - tick that ends the batch
--
-- Returns:
--      id of the event pgq.tick-id; NULL: the combined queue takes no events now
--
-- Calls:
--      tailrace.combined_root, pgq.insert_event
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_combined text := tailrace.combined_root(i_queue);
begin
    if v_combined is null then
        return null;
    end if;
    return pgq.insert_event(v_combined, 'pgq.tick-id', i_tick::text, i_queue, null, null, null);
end;
$body$;

comment on function tailrace.send_position(text, bigint) is
    'tells the readers of the combined queue how far a merged queue is in it';
