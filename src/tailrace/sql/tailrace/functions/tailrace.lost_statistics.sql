create or replace function tailrace.lost_statistics(
    i_queue text,
    i_tick  bigint,
    out table_name text,
    out inserts    bigint,
    out updates    bigint,
    out deletes    bigint,
    out truncates  bigint,
    out old_rows   bigint,
    out others     bigint
) returns setof record
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.lost_statistics(2)
--
--      Count, by table, the rows of the events after a tick: what an old root has written and
--      nobody else has got. Where there is an old row for each update and delete, the table could
--      be rolled back by hand.
--
-- Parameters:
--      i_queue  - queue
--      i_tick   - last tick that the other nodes have
--
-- Returns:
--      a row for each table: rows inserted, updated, deleted, times truncated, old rows on record;
--      events of other kinds have no table and are counted as others. Events of the cascade and
--      of tailrace itself do not count.
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_events   text;
    v_snapshot txid_snapshot;
begin
    select pgq.quote_fqname(q.queue_data_pfx), t.tick_snapshot into v_events, v_snapshot
    from pgq.queue as q
    join pgq.tick as t on t.tick_queue = q.queue_id
    where q.queue_name = i_queue and t.tick_id = i_tick;
    if not found then
        return;
    end if;

    -- row:? is ours, with many rows in one event; I, U, D and R are written by pgq's own triggers,
    -- which put the old row into ev_extra2
    return query execute pg_catalog.format($sql$
        select o.table_name,
            coalesce(sum(o.row_count) filter (where o.op = 'I'), 0)::bigint,
            coalesce(sum(o.row_count) filter (where o.op = 'U'), 0)::bigint,
            coalesce(sum(o.row_count) filter (where o.op = 'D'), 0)::bigint,
            coalesce(sum(o.row_count) filter (where o.op in ('T', 'R')), 0)::bigint,
            coalesce(sum(o.row_count) filter (where o.op = 'O' or o.has_old), 0)::bigint,
            coalesce(sum(o.row_count) filter (where o.op is null), 0)::bigint
        from (
            select k.op, k.ours,
                case when k.op is not null then e.ev_extra1 end as table_name,
                case when k.ours then coalesce(e.ev_extra2::bigint, 1) else 1 end as row_count,
                not k.ours and k.op in ('U', 'D') and e.ev_extra2 is not null as has_old
            from %s as e
            cross join lateral (
                select e.ev_type like 'row:_' as ours,
                    case
                        when e.ev_type like 'row:_' then pg_catalog.substr(e.ev_type, 5)
                        when e.ev_type ~ '^[IUDR](:|$)' then pg_catalog.left(e.ev_type, 1)
                    end as op
            ) as k
            where e.ev_txid >= pg_catalog.txid_snapshot_xmin($1)
                and not pg_catalog.txid_visible_in_snapshot(e.ev_txid, $1)
                and e.ev_type not like 'pgq.%%' and e.ev_type not like 'tailrace.%%'
        ) as o
        group by o.table_name
        order by o.table_name$sql$, v_events)
    using v_snapshot;
end;
$body$;

comment on function tailrace.lost_statistics(text, bigint) is
    'rows by table and kind in the events after a tick';
