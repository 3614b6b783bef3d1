create or replace function tailrace.behind_range(
    i_queue      text,
    i_consumer   text,
    i_done       bigint,
    i_position   bigint,
    i_max_events integer,
    out from_tick bigint,
    out to_tick   bigint
)
language plpgsql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.behind_range(5)
--
--      What a leaf on a combined branch may look at: the combined queue moves its position, and
--      it follows with what this queue keeps for it. Runs on the provider and writes nothing.
--
-- Parameters:
--      i_queue       - queue
--      i_consumer    - the leaf's worker
--      i_done        - tick up to which this runner has been already; NULL: not known
--      i_position    - completed tick of the leaf, which it never passes
--      i_max_events  - about so many events at a time
--
-- Returns:
--      from_tick  - tick after which the range begins
--      to_tick    - tick with which it ends; NULL: nothing to look at now
--      Raises TR004 when the consumer is not registered.
--
-- Calls:
--      tailrace.next_range
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    select greatest(s.sub_last_tick, i_done) into from_tick
    from pgq.subscription as s
    join pgq.queue as q on q.queue_id = s.sub_queue
    join pgq.consumer as c on c.co_id = s.sub_consumer
    where q.queue_name = i_queue and c.co_name = i_consumer;
    -- The combined queue may bring old positions, so the position may be below: then wait.
    if from_tick >= i_position then
        return;
    end if;
    select r.to_tick into to_tick
    from tailrace.next_range(i_queue, i_consumer, from_tick, i_max_events, i_position) as r;
end;
$body$;

comment on function tailrace.behind_range(text, text, bigint, bigint, integer) is
    'what a leaf that waits behind a combined branch may look at';
