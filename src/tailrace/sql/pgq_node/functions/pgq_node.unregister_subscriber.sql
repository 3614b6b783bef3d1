-- pgq_node.unregister_subscriber(i_queue_name, i_remote_node_name)
--
-- Purpose:    another node reads from here no more: its worker and its watermark hold no events back any longer.
-- Parameters: i_queue_name        cascaded queue
--             i_remote_node_name  the node
-- Returns:    ret_code 200; 304 it was no subscriber; ret_note
-- NULL:       no subscriber
-- Calls:      pgq.unregister_consumer
-- Changes:    pgq_node.subscriber_info, pgq.subscription, pgq.consumer
create or replace function pgq_node.unregister_subscriber(
    in  i_queue_name       text,
    in  i_remote_node_name text,
    out ret_code           integer,
    out ret_note           text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_worker    text;
    v_watermark text;
begin
    delete from pgq_node.subscriber_info s
     where s.queue_name = i_queue_name
       and s.subscriber_node = i_remote_node_name
    returning s.worker_name, s.watermark_name into v_worker, v_watermark;
    if not found then
        ret_code := 304;
        ret_note := pg_catalog.format('node "%s" is no subscriber of queue "%s" here', i_remote_node_name, i_queue_name);
        return;
    end if;

    perform pgq.unregister_consumer(i_queue_name, v_watermark);
    perform pgq.unregister_consumer(i_queue_name, v_worker);
    ret_code := 200;
    ret_note := pg_catalog.format('node "%s" is no longer a subscriber', i_remote_node_name);
end;
$$;
comment on function pgq_node.unregister_subscriber(text, text) is 'Ends the reading of another node from here';
