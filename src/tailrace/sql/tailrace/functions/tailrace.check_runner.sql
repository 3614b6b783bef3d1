create or replace function tailrace.check_runner(
    i_queue    text,
    i_consumer text,
    i_epoch    bigint
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.check_runner(3)
--
--      Refuse when another runner has taken the consumer over, and else keep anybody from doing
--      so until this transaction ends. Every transaction with an effect calls it first.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer whose effects are in this database
--      i_epoch     - what tailrace.take_over returned to this runner
--
-- Returns:
--      nothing; raises TR021 when the epoch is not the current one
--
-- Tables directly manipulated:
--      lock - tailrace.runner
-- ----------------------------------------------------------------------
declare
    v_epoch  bigint;
    v_runner text;
begin
    select r.epoch, r.runner_name
    into v_epoch, v_runner
    from tailrace.runner as r
    where r.queue_name = i_queue and r.consumer_name = i_consumer
    for no key update;

    if v_epoch is distinct from i_epoch then
        raise exception using errcode = 'TR021',
            message = pg_catalog.format(
                'consumer "%s" of queue "%s" has been taken over by runner "%s" (epoch %s, this runner has %s)',
                i_consumer, i_queue, coalesce(v_runner, 'nobody'),
                coalesce(v_epoch::text, 'none'), i_epoch),
            hint = 'nothing was written by this runner; it waits until the other one ends';
    end if;
end;
$body$;

comment on function tailrace.check_runner(text, text, bigint) is
    'refuses a runner that has been replaced';
