create or replace function tailrace.newest_event(
    i_queue text
) returns bigint
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.newest_event(1)
--
--      Highest event id among those that the newest tick of a queue does not cover.
--
-- Parameters:
--      i_queue  - queue
--
-- Returns:
--      event id; NULL: there is none, or the queue has no tick
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_parent text;
    v_xmin   bigint;
    v_result bigint;
begin
    select q.queue_data_pfx, pg_catalog.txid_snapshot_xmin(t.tick_snapshot)
    into v_parent, v_xmin
    from pgq.queue as q
    join pgq.tick as t on t.tick_queue = q.queue_id
    where q.queue_name = i_queue
    order by t.tick_id desc
    limit 1;
    if not found then
        return null;
    end if;
    execute pg_catalog.format('select pg_catalog.max(ev_id) from %s where ev_txid >= $1',
        pgq.quote_fqname(v_parent))
    into v_result using v_xmin;
    return v_result;
end;
$body$;

comment on function tailrace.newest_event(text) is
    'highest event id that no tick covers yet';
