-- pgq.finish_batch(batch)
--
-- Purpose: close a batch and move its consumer to the end of it.
-- Parameters: i_batch_id  id of the batch
-- Returns: 1 done; 0, with a warning, when no such batch is open.
-- NULL: returns 0, with a warning.
-- Tables changed: pgq.subscription.

create or replace function pgq.finish_batch(i_batch_id bigint)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update pgq.subscription
    set sub_active = now(), sub_last_tick = sub_next_tick, sub_next_tick = null, sub_batch = null
    where sub_batch = i_batch_id;
    if not found then
        raise warning 'batch % is not open in database "%", nothing was finished',
            coalesce(i_batch_id::text, '<NULL>'), current_database();
        return 0;
    end if;
    return 1;
end;
$$;
