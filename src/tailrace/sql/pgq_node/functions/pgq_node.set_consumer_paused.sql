-- pgq_node.set_consumer_paused(i_queue_name, i_consumer_name, i_paused)
--
-- Purpose:    the wish that a consumer takes no further batch, or goes on. It is fulfilled once the running process has
--             set uptodate again.
-- Parameters: i_queue_name     cascaded queue
--             i_consumer_name  consumer
--             i_paused         true: pause; false: go on
-- Returns:    ret_code 200; 201 stands so already, uptodate is left alone; 404 not known; ret_note
-- NULL:       the flag is needed
-- Calls:      nothing
-- Changes:    pgq_node.local_state; a change clears uptodate and notifies tailrace_tick, for idle workers
-- Raises:     TR001 without flag
create or replace function pgq_node.set_consumer_paused(
    in  i_queue_name    text,
    in  i_consumer_name text,
    in  i_paused        boolean,
    out ret_code        integer,
    out ret_note        text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_present boolean;
begin
    select s.paused into v_present
      from pgq_node.local_state s
     where s.queue_name = i_queue_name
       and s.consumer_name = i_consumer_name
       for update;
    if not found then
        ret_code := 404;
        ret_note := pg_catalog.format('queue "%s" has no consumer "%s" here', i_queue_name, i_consumer_name);
        return;
    end if;
    if i_paused is null then
        raise exception 'consumer "%" of queue "%": paused is NULL, true or false is needed',
                i_consumer_name, i_queue_name
            using errcode = 'TR001';
    end if;
    if v_present = i_paused then
        ret_code := 201;
        ret_note := pg_catalog.format('consumer "%s" is %s already', i_consumer_name,
                                      case when i_paused then 'paused' else 'not paused' end);
        return;
    end if;

    update pgq_node.local_state
       set paused = i_paused,
           uptodate = false
     where queue_name = i_queue_name
       and consumer_name = i_consumer_name;
    perform pg_catalog.pg_notify('tailrace_tick', i_queue_name);
    ret_code := 200;
    ret_note := pg_catalog.format('consumer "%s" is asked to %s', i_consumer_name,
                                  case when i_paused then 'pause' else 'go on' end);
end;
$$;
comment on function pgq_node.set_consumer_paused(text, text, boolean) is 'Asks a consumer to pause or to go on';
