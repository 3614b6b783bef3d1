create or replace function tailrace.cascade_event(
    i_queue   text,
    i_ev_id   bigint,
    i_type    text,
    i_data    text,
    i_extra1  text,
    i_extra2  text,
    i_extra3  text
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.cascade_event(7)
--
--      Do what an event of the cascade itself (pgq.*) asks of a branch or leaf. What is told of a
--      node that has been made known here since, by the command that created it, is old.
--
-- Parameters:
--      i_queue               - queue that the event came from
--      i_ev_id               - its id, for messages
--      i_type, i_data, i_extra1, i_extra2, i_extra3 - the event
--
-- Returns:
--      nothing; raises TR040 for a type that is not known, TR030 for one that names another queue
--
-- Calls:
--      pgq_node.register_location, pgq_node.unregister_location, pgq_node.set_global_watermark,
--      pgq_node.set_partition_watermark
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_foreign boolean := i_extra1 is distinct from i_queue;
begin
    if i_type not in ('pgq.location-info', 'pgq.unregister-location', 'pgq.global-watermark', 'pgq.tick-id') then
        raise exception using errcode = 'TR040',
            message = pg_catalog.format('event %s of queue "%s" has type "%s", which this version does not know',
                i_ev_id, i_queue, i_type),
            hint = 'upgrade this node: install a newer tailrace and run: tailrace install';
    end if;
    -- pgq.tick-id tells of a queue that is merged into this one; all others are about this one
    if v_foreign <> (i_type = 'pgq.tick-id') then
        raise exception using errcode = 'TR030',
            message = pg_catalog.format('event %s of queue "%s" has type "%s" and names queue "%s"',
                i_ev_id, i_queue, i_type, coalesce(i_extra1, '')),
            hint = 'somebody wrote it by hand; see docs/reference/errors.md';
    end if;

    if i_type in ('pgq.location-info', 'pgq.unregister-location') and exists (
        select from tailrace.member as m
        where m.queue_name = i_queue and m.node_name = i_data and m.event_id >= i_ev_id)
    then
        return;
    end if;

    case i_type
    when 'pgq.location-info' then
        perform pgq_node.register_location(i_queue, i_data, i_extra2, coalesce(i_extra3::boolean, false));
    when 'pgq.unregister-location' then
        -- a node that is being dropped meets its own name here: the function then changes nothing
        perform pgq_node.unregister_location(i_queue, i_data);
    when 'pgq.global-watermark' then
        -- members of a sync group agree among themselves
        if tailrace.sync_members(i_queue) is null then
            perform pgq_node.set_global_watermark(i_queue, i_data::bigint);
        end if;
    when 'pgq.tick-id' then
        perform pgq_node.set_partition_watermark(i_queue, i_extra1, i_data::bigint);
    end case;
end;
$body$;

comment on function tailrace.cascade_event(text, bigint, text, text, text, text, text) is
    'does what an event of the cascade itself asks of a branch or leaf';
