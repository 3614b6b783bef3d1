create or replace function tailrace.mirror_write(
    i_queue     text,
    i_consumer  text,
    i_epoch     bigint,
    i_from_tick bigint,
    i_to_tick   bigint,
    i_events    pgq.event_template[],
    out last_event         bigint,
    out upstream_watermark bigint
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.mirror_write(6)
--
--      Bring the events of one small tick into a branch, all in one statement: position, events,
--      and what follows from those of the cascade. The tick itself needs a transaction of its
--      own (tailrace.mirror_tick).
--
-- Parameters:
--      i_queue      - queue
--      i_consumer   - the mirror, in this database
--      i_epoch      - what tailrace.take_over returned to this runner
--      i_from_tick  - tick before
--      i_to_tick    - tick whose events come now
--      i_events     - its events, as tailrace.pending_ticks gives them
--
-- Returns:
--      see tailrace.mirror_events
--
-- Calls:
--      tailrace.mirror_begin, tailrace.mirror_events
-- Tables directly manipulated:
--      insert - the current event table of the queue
-- ----------------------------------------------------------------------
declare
    v_table text;
    v_obey  boolean;
begin
    select b.event_table into v_table
    from tailrace.mirror_begin(i_queue, i_consumer, i_epoch, i_from_tick, i_to_tick) as b;
    execute pg_catalog.format(
        'insert into %s (ev_id, ev_time, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4)'
        ' select e.ev_id, e.ev_time, e.ev_type, e.ev_data, e.ev_extra1, e.ev_extra2, e.ev_extra3, e.ev_extra4'
        ' from pg_catalog.unnest($1) as e', v_table)
    using i_events;
    select pg_catalog.max(e.ev_id), pg_catalog.bool_or(e.ev_type not like 'row:_')
    into last_event, v_obey
    from pg_catalog.unnest(i_events) as e;
    if v_obey then
        select m.upstream_watermark into upstream_watermark
        from tailrace.mirror_events(i_queue, v_table) as m;
    end if;
end;
$body$;

comment on function tailrace.mirror_write(text, text, bigint, bigint, bigint, pgq.event_template[]) is
    'brings the events of one small tick into a branch';
