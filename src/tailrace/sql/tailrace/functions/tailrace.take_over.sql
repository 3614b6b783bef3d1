create or replace function tailrace.take_over(
    i_queue    text,
    i_consumer text,
    i_runner   text
) returns bigint
language sql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.take_over(3)
--
--      Make a runner the only one that may have effects for a consumer. Waits for a transaction
--      that the runner before has still open; whatever that one tries afterwards is refused.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer whose effects are in this database
--      i_runner    - name of the runner, for people
--
-- Returns:
--      epoch that the runner shows with each effect
--
-- Tables directly manipulated:
--      insert, update - tailrace.runner
-- ----------------------------------------------------------------------
    insert into tailrace.runner as r (queue_name, consumer_name, runner_name)
    values (i_queue, i_consumer, i_runner)
    on conflict (queue_name, consumer_name) do update
    set epoch = r.epoch + 1, runner_name = excluded.runner_name, taken_at = pg_catalog.now()
    returning r.epoch;
$body$;

comment on function tailrace.take_over(text, text, text) is
    'makes a runner the only one that may have effects for a consumer';
