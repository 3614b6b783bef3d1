-- pgq.tick_range_txids(snapshot before, snapshot after)
--
-- Purpose: which transaction ids to look at for the events between two ticks. Most of them lie from
--     the upper end of the first snapshot on; the others are those that were in progress then and
--     have ended since. One that lies near the range widens it, since one index scan more costs
--     more than a few ids in vain; a far one, of a long transaction, is looked up by itself, so
--     that its age does not matter.
-- Parameters: i_before  snapshot of the first tick
--             i_after   snapshot of the second tick
-- Returns: lowest id of the range, and the ids below it, newest first (an empty array: none).
-- NULL: is not passed.

create or replace function pgq.tick_range_txids(
    i_before txid_snapshot, i_after txid_snapshot, out lowest bigint, out single bigint[])
returns record
language plpgsql
immutable
as $$
declare
    v_txid bigint;
begin
    lowest := pg_catalog.txid_snapshot_xmax(i_before);
    single := '{}';
    if pg_catalog.txid_snapshot_xmin(i_before) = lowest then
        return;  -- nothing was open, which is mostly so: a query that finds nothing takes its time
    end if;
    for v_txid in
        select before.txid
        from pg_catalog.txid_snapshot_xip(i_before) as before (txid)
        where before.txid not in (
            select after.txid from pg_catalog.txid_snapshot_xip(i_after) as after (txid))
        order by before.txid desc
    loop
        if v_txid >= lowest - 100 then
            lowest := v_txid;
        else
            single := single || v_txid;
        end if;
    end loop;
end;
$$;
