-- pgq_coop.finish_batch(batch)
--
-- Purpose: a member has done its batch; it is idle then, and holds nothing back.
-- Parameters: i_batch_id  id of the batch
-- Returns: 1; 0 with a warning when no member has it open (a consumer that shares its work with
--     nobody finishes with pgq.finish_batch).
-- NULL: 0 with a warning.
-- Tables changed: pgq.subscription.

create or replace function pgq_coop.finish_batch(i_batch_id bigint)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update pgq.subscription s
    set sub_active = now(), sub_last_tick = null, sub_next_tick = null, sub_batch = null
    from pgq.consumer c
    where s.sub_batch = i_batch_id and c.co_id = s.sub_consumer
        and exists (
            select 1
            from pgq.subscription m join pgq.consumer mc on mc.co_id = m.sub_consumer
            where m.sub_queue = s.sub_queue and m.sub_id = s.sub_id
                and starts_with(c.co_name, mc.co_name || '.'));
    if not found then
        raise warning 'batch % is not open for any member in database "%", nothing was finished',
            coalesce(i_batch_id::text, '<NULL>'), current_database();
        return 0;
    end if;
    return 1;
end;
$$;
