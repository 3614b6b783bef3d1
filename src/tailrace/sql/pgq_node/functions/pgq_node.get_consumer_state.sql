-- pgq_node.get_consumer_state(i_queue_name, i_consumer_name)
--
-- Purpose:    what a consumer that writes into this node has to know before it goes on: where it is, where it reads,
--             whether it shall pause.
-- Parameters: i_queue_name     cascaded queue
--             i_consumer_name  consumer
-- Returns:    ret_code 100; 404 queue, consumer or its provider's location not known; ret_note; node_type, node_name,
--             completed_tick, provider_node, provider_location, paused, uptodate, cur_error
-- NULL:       what could not be found with 404; cur_error without an error
-- Calls:      nothing
-- Changes:    nothing
create or replace function pgq_node.get_consumer_state(
    in  i_queue_name      text,
    in  i_consumer_name   text,
    out ret_code          integer,
    out ret_note          text,
    out node_type         text,
    out node_name         text,
    out completed_tick    bigint,
    out provider_node     text,
    out provider_location text,
    out paused            boolean,
    out uptodate          boolean,
    out cur_error         text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    select n.node_type, n.node_name,
           s.last_tick_id, s.provider_node, l.node_location, s.paused, s.uptodate, s.cur_error
      into node_type, node_name,
           completed_tick, provider_node, provider_location, paused, uptodate, cur_error
      from pgq_node.node_info n
      left join pgq_node.local_state s on s.queue_name = n.queue_name and s.consumer_name = i_consumer_name
      left join pgq_node.node_location l on l.queue_name = s.queue_name and l.node_name = s.provider_node
     where n.queue_name = i_queue_name;

    ret_code := 404;
    if node_name is null then
        ret_note := pg_catalog.format('queue "%s" has no node here', i_queue_name);
    elsif provider_node is null then
        ret_note := pg_catalog.format('queue "%s" has no consumer "%s" here', i_queue_name, i_consumer_name);
    elsif provider_location is null then
        ret_note := pg_catalog.format('node "%s" of queue "%s" has no location here', provider_node, i_queue_name);
    else
        ret_code := 100;
        ret_note := 'Ok';
    end if;
end;
$$;
comment on function pgq_node.get_consumer_state(text, text) is
    'Position, provider and flags of a consumer that writes into this node';
