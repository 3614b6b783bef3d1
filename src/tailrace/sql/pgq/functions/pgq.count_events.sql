-- pgq.count_events(queue id, queue, limit)
--
-- Purpose: hold a transaction to queue_per_tx_limit. The count lives in a setting local to the
--     transaction, so that nothing has to be written and a rolled back savepoint takes back its
--     share.
-- Parameters: i_queue_id    queue
--             i_queue_name  its name, for the message
--             i_limit       its queue_per_tx_limit
-- Returns: nothing; raises TR009 when one more event would pass the limit.
-- NULL: is not passed.

create or replace function pgq.count_events(
    i_queue_id int4, i_queue_name text, i_limit int4)
returns void
language plpgsql
as $$
declare
    v_name  text := 'tailrace.events_of_queue_' || i_queue_id;
    v_count bigint;
begin
    v_count := coalesce(nullif(pg_catalog.current_setting(v_name, true), ''), '0')::bigint + 1;
    if v_count > i_limit then
        raise exception 'queue "%" takes at most % event(s) from one transaction',
                i_queue_name, i_limit
            using errcode = 'TR009',
                hint = 'commit more often, or raise pgq.queue.queue_per_tx_limit';
    end if;
    perform pg_catalog.set_config(v_name, v_count::text, true);
end;
$$;
