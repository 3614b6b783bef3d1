-- pgq.refuse_disabled_queue(queue)
--
-- Purpose: the one message for a queue that takes no events from users, since it is filled by
--     replication.
-- Parameters: i_queue_name  name of the queue
-- Returns: nothing; always raises TR009.
-- NULL: is not passed.

create or replace function pgq.refuse_disabled_queue(i_queue_name text)
returns void
language plpgsql
as $$
begin
    raise exception 'queue "%" takes no events in database "%": inserts are disabled',
            i_queue_name, pg_catalog.current_database()
        using errcode = 'TR009',
            hint = 'write on the root of the queue; only role replica may insert here';
end;
$$;
