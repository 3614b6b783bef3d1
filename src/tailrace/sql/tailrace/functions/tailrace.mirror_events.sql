create or replace function tailrace.mirror_events(
    i_queue       text,
    i_event_table text,
    out last_event         bigint,
    out upstream_watermark bigint
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.mirror_events(2)
--
--      Act on the events that this transaction has copied into a branch's queue: those of the
--      cascade itself, and relation descriptors. All others belong to the applying consumer.
--
-- Parameters:
--      i_queue        - queue
--      i_event_table  - what tailrace.mirror_begin returned in this transaction
--
-- Returns:
--      last_event          - highest ev_id copied by this transaction; NULL: none was copied
--      upstream_watermark  - last global watermark that the provider's events told; NULL: none
--
-- Calls:
--      tailrace.cascade_event, tailrace.follow_relation
-- Tables directly manipulated:
--      update - the event table: the payload of pgq.global-watermark on a sync node
-- ----------------------------------------------------------------------
declare
    v_any      boolean;
    v_event    record;
    v_own_mark bigint;
    v_applies  boolean;
begin
    execute pg_catalog.format(
        'select pg_catalog.max(ev_id), coalesce(pg_catalog.bool_or('
        'ev_type like ''pgq.%%'' or ev_type = ''tailrace.relation''), false)'
        ' from %s where ev_txid = pg_catalog.txid_current()', i_event_table)
    into last_event, v_any;
    if not v_any then
        return;
    end if;

    -- The position of a leaf that is merged into this queue says which rows are here, so it moves
    -- with them: that is for <node>.apply, where there is one.
    select exists (select 1 from pgq_node.local_state as s
        where s.queue_name = n.queue_name and s.consumer_name = n.node_name || '.apply')
    into v_applies
    from pgq_node.node_info as n
    where n.queue_name = i_queue;

    for v_event in execute pg_catalog.format(
        'select ev_id, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3 from %s'
        ' where ev_txid = pg_catalog.txid_current()'
        ' and (ev_type like ''pgq.%%'' or ev_type = ''tailrace.relation'') order by ev_id', i_event_table)
    loop
        if v_event.ev_type = 'tailrace.relation' then
            perform tailrace.follow_relation(i_queue, v_event.ev_data);
            continue;
        end if;
        continue when v_event.ev_type = 'pgq.tick-id' and v_event.ev_extra1 <> i_queue and v_applies;
        perform tailrace.cascade_event(i_queue, v_event.ev_id, v_event.ev_type, v_event.ev_data,
            v_event.ev_extra1, v_event.ev_extra2, v_event.ev_extra3);
        continue when v_event.ev_type <> 'pgq.global-watermark';
        upstream_watermark := v_event.ev_data::bigint;
        if tailrace.sync_members(i_queue) is not null then
            -- nodes below follow the watermark that the sync group has agreed on
            select i.global_watermark into v_own_mark from pgq_node.get_node_info(i_queue) as i;
            execute pg_catalog.format(
                'update %s set ev_data = $1 where ev_txid = pg_catalog.txid_current() and ev_id = $2',
                i_event_table)
            using v_own_mark::text, v_event.ev_id;
        end if;
    end loop;
end;
$body$;

comment on function tailrace.mirror_events(text, text) is
    'acts on the cascade''s own events among those just copied into a branch';
