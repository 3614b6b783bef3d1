-- pgq_node.set_consumer_error(i_queue_name, i_consumer_name, i_error_msg)
--
-- Purpose:    records what stops a consumer that writes into this node, so that status can show it.
-- Parameters: i_queue_name     cascaded queue
--             i_consumer_name  consumer
--             i_error_msg      the error
-- Returns:    ret_code 100; 101 not known, ignored: reporting an error must not become one; ret_note
-- NULL:       a NULL error clears it
-- Calls:      nothing
-- Changes:    pgq_node.local_state
create or replace function pgq_node.set_consumer_error(
    in  i_queue_name    text,
    in  i_consumer_name text,
    in  i_error_msg     text,
    out ret_code        integer,
    out ret_note        text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    update pgq_node.local_state
       set cur_error = i_error_msg
     where queue_name = i_queue_name
       and consumer_name = i_consumer_name;
    if found then
        ret_code := 100;
        ret_note := pg_catalog.format('error of consumer "%s" is recorded', i_consumer_name);
    else
        ret_code := 101;
        ret_note := pg_catalog.format('queue "%s" has no consumer "%s" here, its error is not recorded',
                                      i_queue_name, i_consumer_name);
    end if;
end;
$$;
comment on function pgq_node.set_consumer_error(text, text, text) is 'Records what stops a consumer';
