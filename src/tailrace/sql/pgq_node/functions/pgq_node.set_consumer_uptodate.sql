-- pgq_node.set_consumer_uptodate(i_queue_name, i_consumer_name, i_uptodate)
--
-- Purpose:    the running process says that it acts on the state as it stands here; commands wait for that.
-- Parameters: i_queue_name     cascaded queue
--             i_consumer_name  consumer
--             i_uptodate       true: seen; false: to be read again
-- Returns:    ret_code 200; 404 not known; ret_note
-- NULL:       the flag is needed
-- Calls:      nothing
-- Changes:    pgq_node.local_state
-- Raises:     TR001 without flag
create or replace function pgq_node.set_consumer_uptodate(
    in  i_queue_name    text,
    in  i_consumer_name text,
    in  i_uptodate      boolean,
    out ret_code        integer,
    out ret_note        text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if i_uptodate is null
       and exists (select 1 from pgq_node.local_state s
                    where s.queue_name = i_queue_name and s.consumer_name = i_consumer_name) then
        raise exception 'consumer "%" of queue "%": uptodate is NULL, true or false is needed',
                i_consumer_name, i_queue_name
            using errcode = 'TR001';
    end if;
    update pgq_node.local_state
       set uptodate = i_uptodate
     where queue_name = i_queue_name
       and consumer_name = i_consumer_name;
    if found then
        ret_code := 200;
        ret_note := pg_catalog.format('consumer "%s" is %s', i_consumer_name,
                                      case when i_uptodate then 'up to date' else 'not up to date' end);
    else
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no consumer "%s" here', i_queue_name, i_consumer_name);
    end if;
end;
$$;
comment on function pgq_node.set_consumer_uptodate(text, text, boolean) is
    'The running process says that it acts on the present state';
