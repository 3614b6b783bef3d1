-- pgq_coop.register_subconsumer(queue, consumer, member)
--
-- Purpose: let a member share the work of a consumer, which is registered as well where it is not
--     yet, at the newest tick.
-- Parameters: i_queue_name        name of the queue
--             i_consumer_name     name of the consumer that the members share
--             i_subconsumer_name  name of the member within it
-- Returns: 1 registered, 0 it was a member already. Raises TR004 for an unknown queue, TR005 when
--     <consumer>.<member> is a consumer by itself.
-- NULL: of the member raises TR001; else see pgq.register_consumer.
-- Calls: pgq_coop.lock_group, pgq.register_consumer.
-- Tables changed: pgq.consumer, pgq.subscription.

create or replace function pgq_coop.register_subconsumer(
    i_queue_name text, i_consumer_name text, i_subconsumer_name text)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_name   text := i_consumer_name || '.' || i_subconsumer_name;
    v_main   pgq.subscription;
    v_member int4;
    v_group  int4;
begin
    if i_subconsumer_name is null then
        raise exception 'a member of consumer "%" needs a name, NULL was given', i_consumer_name
            using errcode = 'TR001', hint = 'give the name as third argument';
    end if;
    perform pgq.register_consumer(i_queue_name, i_consumer_name);
    v_main := pgq_coop.lock_group(i_queue_name, i_consumer_name);

    insert into pgq.consumer (co_name)
    select v_name
    where not exists (select 1 from pgq.consumer where co_name = v_name)
    on conflict (co_name) do nothing;
    select co_id into strict v_member from pgq.consumer where co_name = v_name for key share;

    select sub_id into v_group
    from pgq.subscription where sub_queue = v_main.sub_queue and sub_consumer = v_member;
    if found and v_group <> v_main.sub_id then
        raise exception 'consumer "%" of queue "%" is no member of consumer "%", but registered by itself',
                v_name, i_queue_name, i_consumer_name
            using errcode = 'TR005', hint = 'choose another name for the member';
    elsif found then
        return 0;
    end if;
    insert into pgq.subscription (sub_id, sub_queue, sub_consumer, sub_last_tick)
    values (v_main.sub_id, v_main.sub_queue, v_member, null);
    return 1;
end;
$$;
