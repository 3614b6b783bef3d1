-- pgq_coop.find_member(subscription of the consumer, consumer, member)
--
-- Purpose: the subscription of a member of a group that the caller has locked.
-- Parameters: i_main              subscription of the consumer
--             i_consumer_name     name of the consumer that the members share
--             i_subconsumer_name  name of the member within it
-- Returns: row of pgq.subscription; all NULL when there is no such member.
-- NULL: all NULL.
-- Tables changed: none (a row lock on pgq.subscription).

create or replace function pgq_coop.find_member(
    i_main pgq.subscription, i_consumer_name text, i_subconsumer_name text)
returns pgq.subscription
language plpgsql
as $$
declare
    v_member pgq.subscription;
begin
    select s.* into v_member
    from pgq.subscription s join pgq.consumer c on c.co_id = s.sub_consumer
    where s.sub_queue = i_main.sub_queue and s.sub_id = i_main.sub_id
        and c.co_name = i_consumer_name || '.' || i_subconsumer_name
    for update of s;
    return v_member;
end;
$$;
