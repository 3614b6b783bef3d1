-- pgq_coop.unregister_subconsumer(queue, consumer, member, mode)
--
-- Purpose: a member shares the work no more.
-- Parameters: i_queue_name        name of the queue
--             i_consumer_name     name of the consumer that the members share
--             i_subconsumer_name  name of the member within it
--             i_batch_handling    1: also with an open batch, whose events the group then loses;
--                                 else it has to have none
-- Returns: 1 removed, 0 there is no such member. Raises TR009 when it has an open batch.
-- NULL: 0 for a name; of the mode: as 0.
-- Calls: pgq_coop.lock_group, find_member.
-- Tables changed: pgq.subscription (the row of pgq.consumer stays, as in PgQ).

create or replace function pgq_coop.unregister_subconsumer(
    i_queue_name text, i_consumer_name text, i_subconsumer_name text, i_batch_handling int4)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_main   pgq.subscription := pgq_coop.lock_group(i_queue_name, i_consumer_name);
    v_member pgq.subscription := pgq_coop.find_member(v_main, i_consumer_name, i_subconsumer_name);
begin
    if v_member.sub_consumer is null then
        return 0;
    end if;
    if v_member.sub_batch is not null and i_batch_handling is distinct from 1 then
        raise exception 'member "%" of consumer "%" on queue "%" has batch % open',
                i_subconsumer_name, i_consumer_name, i_queue_name, v_member.sub_batch
            using errcode = 'TR009',
                hint = 'finish it first; mode 1 drops it, and its events are lost to the group';
    end if;
    delete from pgq.subscription
    where sub_queue = v_member.sub_queue and sub_consumer = v_member.sub_consumer;
    return 1;
end;
$$;
