create or replace function tailrace.begin_batch(
    i_queue     text,
    i_consumer  text,
    i_epoch     bigint,
    i_from_tick bigint,
    i_to_tick   bigint,
    i_lazily    boolean,
    out stop_tick    bigint,
    out single_ticks boolean,
    out hand_over    boolean
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.begin_batch(6)
--
--      Begin a batch of the applying consumer: move its position, then say what copies and holds
--      want of the batch. They take the lock of the position to say so; hence what is read here,
--      by a statement that begins after we have that lock, is what counts for this batch.
--
-- Parameters:
--      i_queue      - queue
--      i_consumer   - applying consumer of this node
--      i_epoch      - what tailrace.take_over returned to this runner
--      i_from_tick  - position before the batch
--      i_to_tick    - position after it
--      i_lazily     - the commit need not wait for the disk: a crash may take the batch back, whole
--
-- Returns:
--      see tailrace.sync_plan, for the position before the batch; raises like tailrace.advance
--
-- Calls:
--      tailrace.advance, tailrace.sync_plan
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    if i_lazily then
        perform pg_catalog.set_config('synchronous_commit', 'off', true);
    end if;
    perform tailrace.advance(i_queue, i_consumer, i_epoch, i_from_tick, i_to_tick);
    select p.stop_tick, p.single_ticks, p.hand_over
    into stop_tick, single_ticks, hand_over
    from tailrace.sync_plan(i_queue, i_consumer, i_from_tick) as p;
end;
$body$;

comment on function tailrace.begin_batch(text, text, bigint, bigint, bigint, boolean) is
    'moves the applying consumer and says what copies and holds want of the batch';
