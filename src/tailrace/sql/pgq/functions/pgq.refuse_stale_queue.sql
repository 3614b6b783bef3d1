-- pgq.refuse_stale_queue(queue id)
--
-- Purpose: keep a repeatable read or serializable transaction from writing into a table that has
--     been rotated away. Such a transaction reads the queue's row from its old snapshot, so it
--     could name a table that consumers no longer look at, and its events would be lost. It gets
--     the usual serialization failure (40001) instead and is to be repeated. Checked once per
--     transaction: with its id assigned, a later rotation waits for it.
-- Parameters: i_queue_id  queue about to be written to
-- Returns: nothing.
-- NULL: is not passed.
-- Tables changed: none (a row lock on pgq.queue, given back at once).

create or replace function pgq.refuse_stale_queue(i_queue_id int4)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_mark text := 'tailrace.fresh_queue_' || i_queue_id;
    v_txid text := txid_current()::text;
begin
    if current_setting(v_mark, true) = v_txid then
        return;
    end if;

    begin
        perform 1 from pgq.queue where queue_id = i_queue_id for share;
        -- Leaving by an exception releases the row lock, on which a rotation would wait.
        raise exception 'queue row is current' using errcode = 'TR000';
    exception
        when sqlstate 'TR000' then
            perform set_config(v_mark, v_txid, true);
    end;
end;
$$;
