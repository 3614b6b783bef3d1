-- pgq_node.register_location(i_queue_name, i_node_name, i_node_location, i_dead)
--
-- Purpose:    adds a member to the tree of a queue, or changes its connection string or whether it is given up.
--             On the root the other nodes are told by an event.
-- Parameters: i_queue_name     cascaded queue
--             i_node_name      member
--             i_node_location  connection string
--             i_dead           given up
-- Returns:    ret_code 200, also when nothing is added; ret_note says which
-- NULL:       a NULL location keeps the one that is stored; without a stored one nothing is added
-- Calls:      pgq.insert_event
-- Changes:    pgq_node.node_location; root: event pgq.location-info
create or replace function pgq_node.register_location(
    in  i_queue_name    text,
    in  i_node_name     text,
    in  i_node_location text,
    in  i_dead          boolean,
    out ret_code        integer,
    out ret_note        text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_stored boolean := true;
begin
    if i_queue_name is null or i_node_name is null or i_dead is null then
        raise exception 'location of node "%" of queue "%": queue, node and the dead flag are needed, one is NULL',
                i_node_name, i_queue_name
            using errcode = 'TR001',
                  hint = 'Only the location may be NULL, which keeps the stored one.';
    end if;

    if i_node_location is null then
        update pgq_node.node_location
           set dead = i_dead
         where queue_name = i_queue_name
           and node_name = i_node_name;
        v_stored := found;
    else
        insert into pgq_node.node_location (queue_name, node_name, node_location, dead)
        values (i_queue_name, i_node_name, i_node_location, i_dead)
        on conflict (queue_name, node_name) do update
           set node_location = excluded.node_location,
               dead = excluded.dead;
    end if;

    if exists (select 1 from pgq_node.node_info n
                where n.queue_name = i_queue_name and n.node_type = 'root') then
        perform pgq.insert_event(i_queue_name, 'pgq.location-info', i_node_name,
                                 i_queue_name, i_node_location, i_dead::text, null);
    end if;
    ret_code := 200;
    ret_note := pg_catalog.format(
        case when v_stored then 'location of node "%s" is registered'
             else 'node "%s" is not known here and no location was given: nothing is registered' end,
        i_node_name);
end;
$$;
comment on function pgq_node.register_location(text, text, text, boolean) is
    'Adds or changes a member of the tree; the root tells the others';
