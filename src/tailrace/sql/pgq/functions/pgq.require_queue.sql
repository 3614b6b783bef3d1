-- pgq.require_queue(queue)
--
-- Purpose: the row of a queue, or one error message, the same everywhere, that says it is missing.
-- Parameters: i_queue_name  name of the queue
-- Returns: row of pgq.queue; never NULL.
-- NULL: is not the name of any queue, so it raises TR004.

create or replace function pgq.require_queue(i_queue_name text)
returns pgq.queue
language plpgsql
stable
as $$
declare
    v_queue pgq.queue;
begin
    select * into v_queue from pgq.queue where queue_name = i_queue_name;
    if not found then
        raise exception 'queue "%" does not exist in database "%"',
                coalesce(i_queue_name, '<NULL>'), pg_catalog.current_database()
            using errcode = 'TR004',
                hint = pg_catalog.format('create it with: tailrace create-queue %s',
                    coalesce(i_queue_name, '<name>'));
    end if;
    return v_queue;
end;
$$;
