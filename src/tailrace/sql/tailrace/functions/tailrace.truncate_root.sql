create or replace function tailrace.truncate_root()
returns trigger
language plpgsql security definer
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.truncate_root(0)
--
--      TRUNCATE trigger of a captured table, BEFORE and AFTER. The table
--      becomes empty: one row:T event says so. Before, it marks that the
--      table itself is truncated, so that the triggers of its partitions,
--      which the server truncates along with it, write nothing.
--
-- Trigger argument: capture id
-- ----------------------------------------------------------------------
declare
    v_mark  constant text := 'tailrace.truncate_' || tg_argv[0];
    v_queue pgq.queue;
begin
    if tg_when = 'BEFORE' then
        perform set_config(v_mark, '1', true);
        return null;
    end if;
    perform set_config(v_mark, '', true);
    select q.* into strict v_queue from tailrace.table_info i join pgq.queue q using (queue_name)
     where i.capture_id = tg_argv[0]::integer;
    if v_queue.queue_disable_insert or current_setting('session_replication_role') = 'local' then
        perform tailrace.refuse_or_note(tg_argv[0]::integer);
        return null;
    end if;
    perform tailrace.send_relation(tg_argv[0]::integer);
    execute format('insert into %s_%s %s', v_queue.queue_data_pfx, v_queue.queue_cur_table,
                   tailrace.capture_body(tg_argv[0]::integer, 'truncate'));
    return null;
end
$$;
