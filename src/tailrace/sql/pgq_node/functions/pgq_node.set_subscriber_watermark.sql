-- pgq_node.set_subscriber_watermark(i_queue_name, i_node_name, i_watermark)
--
-- Purpose:    a subscriber reports what it and all below it have finished. The report takes part in this node's own
--             watermark, so it may only move forward.
-- Parameters: i_queue_name  cascaded queue
--             i_node_name   subscriber
--             i_watermark   tick
-- Returns:    ret_code 200 moved; 100 stands there already; 404 no such subscriber; 405 below the present one,
--             nothing changed; ret_note
-- NULL:       a NULL tick changes nothing, 200
-- Calls:      pgq_node.consumer_position, pgq.register_consumer_at
-- Changes:    pgq.subscription
-- Raises:     an error when the tick is not here
create or replace function pgq_node.set_subscriber_watermark(
    in  i_queue_name text,
    in  i_node_name  text,
    in  i_watermark  bigint,
    out ret_code     integer,
    out ret_note     text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_consumer text := '.' || i_node_name || '.watermark';
    v_present  bigint := pgq_node.consumer_position(i_queue_name, v_consumer);
begin
    if v_present is null then
        ret_code := 404;
        ret_note := pg_catalog.format('node "%s" is no subscriber of queue "%s" here', i_node_name, i_queue_name);
    elsif i_watermark = v_present then
        ret_code := 100;
        ret_note := pg_catalog.format('watermark of node "%s" is at tick %s already', i_node_name, v_present);
    elsif i_watermark < v_present then
        ret_code := 405;
        ret_note := pg_catalog.format('watermark of node "%s" is at tick %s and cannot go back to %s',
                                      i_node_name, v_present, i_watermark);
    else
        if i_watermark is not null then
            perform pgq.register_consumer_at(i_queue_name, v_consumer, i_watermark);
        end if;
        ret_code := 200;
        ret_note := pg_catalog.format('watermark of node "%s" is at tick %s', i_node_name,
                                      coalesce(i_watermark, v_present));
    end if;
end;
$$;
comment on function pgq_node.set_subscriber_watermark(text, text, bigint) is
    'Report of a subscriber: it and all below it have finished this tick';
