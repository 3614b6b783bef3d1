create or replace function tailrace.lost_batches(
    i_queue text,
    i_tick  bigint,
    i_limit integer,
    out prev_tick bigint,
    out tick_id   bigint,
    out copy_sql  text
) returns setof record
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.lost_batches(3)
--
--      List the batches of this queue after a tick, each with the statement that writes its events
--      down for people: one JSON object a line, by event id. They are what an old root has written
--      and nobody else has got.
--
-- Parameters:
--      i_queue  - queue
--      i_tick   - last tick that the other nodes have, or where to go on
--      i_limit  - at most this many batches: an old root may have gone on ticking for days
--
-- Returns:
--      a row for each later tick in order: the tick before it, its id, and a COPY TO STDOUT whose
--      lines need no unquoting (JSON holds neither line ends nor the bytes 1 and 2)
--
-- Calls:
--      pgq.tick_range_sql
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_queue_id integer;
begin
    select q.queue_id into v_queue_id from pgq.queue as q where q.queue_name = i_queue;

    prev_tick := i_tick;
    for tick_id in
        select t.tick_id from pgq.tick as t
        where t.tick_queue = v_queue_id and t.tick_id > i_tick
        order by t.tick_id
        limit i_limit
    loop
        copy_sql := pg_catalog.format(
            'copy (select pg_catalog.json_build_object('
            '''ev_id'', e.ev_id, ''ev_type'', e.ev_type, ''ev_data'', e.ev_data,'
            ' ''ev_extra1'', e.ev_extra1, ''ev_extra2'', e.ev_extra2,'
            ' ''ev_extra3'', e.ev_extra3, ''ev_extra4'', e.ev_extra4,'
            ' ''ev_time'', e.ev_time, ''ev_txid'', e.ev_txid, ''ev_retry'', e.ev_retry,'
            ' ''tick_id'', %s, ''prev_tick_id'', %s) from (%s) as e order by e.ev_id)'
            ' to stdout (format csv, quote e''\x01'', delimiter e''\x02'')',
            tick_id, prev_tick, pgq.tick_range_sql(v_queue_id, null, prev_tick, tick_id));
        return next;
        prev_tick := tick_id;
    end loop;
end;
$body$;

comment on function tailrace.lost_batches(text, bigint, integer) is
    'batches after a tick, each with the statement that writes its events as JSON lines';
