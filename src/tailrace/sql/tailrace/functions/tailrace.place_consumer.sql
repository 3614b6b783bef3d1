create or replace function tailrace.place_consumer(
    i_queue    text,
    i_consumer text,
    i_provider text,
    i_tick     bigint
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.place_consumer(4)
--
--      Give a program's consumer on a leaf its position, after it was registered on the provider.
--      One that has a position keeps it.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer, from tailrace.add_consumer
--      i_provider  - node where it was registered
--      i_tick      - tick at which it stands there
--
-- Returns:
--      nothing
--
-- Calls:
--      pgq_node.register_consumer
-- Tables directly manipulated:
--      lock - pgq_node.node_info
-- ----------------------------------------------------------------------
begin
    perform 1 from pgq_node.node_info as n where n.queue_name = i_queue for no key update;
    if not exists (
        select 1 from pgq_node.local_state as s
        where s.queue_name = i_queue and s.consumer_name = i_consumer
    ) then
        perform pgq_node.register_consumer(i_queue, i_consumer, i_provider, i_tick);
    end if;
end;
$body$;

comment on function tailrace.place_consumer(text, text, text, bigint) is
    'gives a program''s consumer on a leaf its position';
