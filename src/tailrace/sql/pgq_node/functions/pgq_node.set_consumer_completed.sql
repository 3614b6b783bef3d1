-- pgq_node.set_consumer_completed(i_queue_name, i_consumer_name, i_tick_id)
--
-- Purpose:    moves the position of a consumer that writes into this node. To be called in the transaction of the
--             batch's effects: that is what makes them happen exactly once.
-- Parameters: i_queue_name     cascaded queue
--             i_consumer_name  consumer
--             i_tick_id        tick that ends the batch
-- Returns:    ret_code 100; 404 not known; ret_note
-- NULL:       the tick is needed
-- Calls:      nothing
-- Changes:    pgq_node.local_state; a recorded error is cleared
-- Raises:     TR001 without tick
create or replace function pgq_node.set_consumer_completed(
    in  i_queue_name    text,
    in  i_consumer_name text,
    in  i_tick_id       bigint,
    out ret_code        integer,
    out ret_note        text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if i_tick_id is null
       and exists (select 1 from pgq_node.local_state s
                    where s.queue_name = i_queue_name and s.consumer_name = i_consumer_name) then
        raise exception 'consumer "%" of queue "%": the completed tick is NULL, a tick id is needed',
                i_consumer_name, i_queue_name
            using errcode = 'TR001';
    end if;
    update pgq_node.local_state
       set last_tick_id = i_tick_id,
           cur_error = null
     where queue_name = i_queue_name
       and consumer_name = i_consumer_name;
    if found then
        ret_code := 100;
        ret_note := pg_catalog.format('consumer "%s" has completed tick %s', i_consumer_name, i_tick_id);
    else
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no consumer "%s" here', i_queue_name, i_consumer_name);
    end if;
end;
$$;
comment on function pgq_node.set_consumer_completed(text, text, bigint) is
    'Moves a consumer''s position, in the transaction of the batch''s effects';
