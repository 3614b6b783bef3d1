create or replace function tailrace.end_restore(
    i_queue    text,
    i_consumer text,
    i_job_id   text,
    i_tick     bigint,
    i_tables   text[]
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.end_restore(5)
--
--      Last step of the transaction that brought the rows of a savepoint in: the position of the job
--      is the savepoint's. Tables of a replica that the savepoint does not hold are copied again.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer of the job
--      i_job_id    - id of the job
--      i_tick      - tick of the savepoint
--      i_tables    - global names of the tables in it
--
-- Returns:
--      nothing; raises TR009 when somebody has stopped the job meanwhile, TR020 when the events after
--      the tick are not kept any more. The caller rolls back.
--
-- Calls:
--      tailrace.held_tick, tailrace.job_tables, tailrace.drop_stale_pins
-- Tables directly manipulated:
--      update - tailrace.restore, pgq_node.local_state, tailrace.table_info, tailrace.job
--      delete - tailrace.set_aside
-- ----------------------------------------------------------------------
declare
    v_own boolean;
begin
    update tailrace.restore as r
    set state = 'loaded', tick_id = i_tick
    where r.job_id = i_job_id and r.state = 'requested';
    if not found then
        raise exception using errcode = 'TR009', message = 'the job was stopped while it was started from a savepoint';
    end if;

    update pgq_node.local_state as p
    set last_tick_id = i_tick, cur_error = null
    from pgq_node.node_info as n
    where p.queue_name = i_queue and p.consumer_name = i_consumer and n.queue_name = p.queue_name
    returning p.provider_node = n.node_name into v_own;
    if v_own then
        perform tailrace.held_tick(i_queue, i_consumer, i_tick, 'the savepoint');
    end if;

    update tailrace.job as j
    set start_tick = i_tick, wants_snapshot = false
    where j.job_id = i_job_id and j.kind = 'sql';
    update tailrace.table_info as i
    set state = case when i.table_name = any (i_tables) then 'live' else 'pending' end,
        aside_tick = null,
        copy_tick = case when i.table_name = any (i_tables) then i_tick end,
        live_at = case when i.table_name = any (i_tables) then pg_catalog.clock_timestamp() end,
        copy_error = null
    from tailrace.job as j
    where j.job_id = i_job_id and j.kind in ('worker', 'apply') and i.queue_name = j.queue_name;
    if found then
        delete from tailrace.set_aside as a where a.queue_name = i_queue;
        perform tailrace.drop_stale_pins(i_queue);
    end if;
end;
$body$;

comment on function tailrace.end_restore(text, text, text, bigint, text[]) is
    'last step of bringing the rows of a savepoint in: the position is the savepoint''s';
