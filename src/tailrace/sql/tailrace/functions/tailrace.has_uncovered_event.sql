create or replace function tailrace.has_uncovered_event(
    i_queue text,
    i_then  txid_snapshot,
    i_now   txid_snapshot
) returns boolean
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.has_uncovered_event(3)
--
--      Whether a queue has an event that became visible between two snapshots: the newest tick's
--      and the present one. Counting event ids cannot tell, since the id may have been drawn
--      before the tick and committed after it. Transactions that are still open are left out one
--      by one, so that a hundred thousand rows of one of them are never looked through in vain.
--
-- Parameters:
--      i_queue  - queue
--      i_then   - snapshot of the newest tick
--      i_now    - snapshot of this moment
--
-- Returns:
--      true - a tick made now would have an event
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_ended  bigint[];
    v_from   bigint[] := '{}';
    v_upto   bigint[] := '{}';
    v_low    bigint := pg_catalog.txid_snapshot_xmax(i_then);
    v_open   bigint;
    v_table  text;
    v_found  boolean;
begin
    -- open at the tick, ended now
    select pg_catalog.array_agg(x.txid) into v_ended
    from pg_catalog.txid_snapshot_xip(i_then) as x (txid)
    where pg_catalog.txid_visible_in_snapshot(x.txid, i_now);

    -- begun since the tick and ended: ranges between those that are open now
    for v_open in
        select x.txid
        from pg_catalog.txid_snapshot_xip(i_now) as x (txid)
        where x.txid >= v_low
        union all
        select pg_catalog.txid_snapshot_xmax(i_now)
        order by 1
    loop
        if v_open > v_low then
            v_from := v_from || v_low;
            v_upto := v_upto || (v_open - 1);
        end if;
        v_low := greatest(v_low, v_open + 1);
    end loop;

    if v_ended is null and v_from = '{}' then
        return false;
    end if;
    for v_table in
        select q.queue_data_pfx || '_' || n.number
        from pgq.queue as q
        cross join lateral (
            select q.queue_cur_table
            union
            -- who looked before the last rotation was over may have written to the table before
            select (q.queue_cur_table - 1 + q.queue_ntables) % q.queue_ntables
            where q.queue_switch_step2 is null
                or pg_catalog.txid_snapshot_xmin(i_then) <= q.queue_switch_step2
        ) as n (number)
        where q.queue_name = i_queue
    loop
        execute pg_catalog.format(
            'select exists (select 1 from pg_catalog.unnest($1) as t (txid) cross join lateral'
            ' (select 1 from %1$s as e where e.ev_txid = t.txid limit 1) as f)'
            ' or exists (select 1 from rows from (pg_catalog.unnest($2), pg_catalog.unnest($3)) as r (low, high) cross join lateral'
            ' (select 1 from %1$s as e where e.ev_txid between r.low and r.high limit 1) as f)',
            pgq.quote_fqname(v_table))
        into v_found using v_ended, v_from, v_upto;
        if v_found then
            return true;
        end if;
    end loop;
    return false;
end;
$body$;

comment on function tailrace.has_uncovered_event(text, txid_snapshot, txid_snapshot) is
    'whether an event became visible between two snapshots';
