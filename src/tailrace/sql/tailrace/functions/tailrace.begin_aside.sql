create or replace function tailrace.begin_aside(i_queue text, i_table text)
returns bigint
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.begin_aside(2)
--
--      First step of a copy attempt: from the present position A0 of the
--      applying consumer on, nothing of the table's events gets lost. A
--      leaf sets them aside from here on; a branch keeps them in its queue
--      by a pin, a consumer ".copy.<table>". The lock on the position means
--      that no batch is under way that does not know it.
--
--      An attempt that died before its tick was known is simply continued,
--      since its events have been kept all along; else a source that is
--      always somewhat behind could never catch up with A0. Otherwise what
--      an earlier attempt set aside is dropped: it is all at or before A0,
--      and the snapshot to come is not older than A0.
--
-- Parameters:
--      i_queue     queue
--      i_table     global name of the table
-- Returns:
--      A0; NULL when the table wants no copy (any more) or when the
--      applying consumer is not registered yet
-- Calls:
--      tailrace.applying_consumer, pgq.register_consumer_at
-- Tables changed:
--      tailrace.table_info, tailrace.set_aside, pgq.subscription
-- ----------------------------------------------------------------------
declare
    v_consumer constant text := tailrace.applying_consumer(i_queue);
    v_pin      constant text := '.copy.' || i_table;
    v_leaf     constant boolean := pgq_node.is_leaf_node(i_queue);
    v_position bigint;
    v_kept     bigint;
begin
    select s.last_tick_id into v_position
      from pgq_node.local_state s
     where s.queue_name = i_queue and s.consumer_name = v_consumer
       for update;
    if not found then
        return null;
    end if;

    select i.aside_tick into v_kept
      from tailrace.table_info i
     where i.queue_name = i_queue and i.table_name = i_table
       and i.state = 'copying' and i.copy_tick is null
       and (v_leaf or exists (select from pgq.get_consumer_info(i_queue) c where c.consumer_name = v_pin));
    if v_kept is not null then
        return v_kept;
    end if;

    update tailrace.table_info i
       set state = 'copying', aside_tick = v_position, copy_tick = null,
           copied_rows = 0, copied_bytes = 0, expected_rows = null
     where i.queue_name = i_queue and i.table_name = i_table and i.state in ('pending', 'copying');
    if not found then
        return null;
    end if;

    delete from tailrace.set_aside a where a.queue_name = i_queue and a.table_name = i_table;
    if not v_leaf then
        perform pgq.register_consumer_at(i_queue, v_pin, v_position);
    end if;
    return v_position;
end;
$$;

comment on function tailrace.begin_aside(text, text) is
    'first step of a copy: keep the table''s events from the present position on';
