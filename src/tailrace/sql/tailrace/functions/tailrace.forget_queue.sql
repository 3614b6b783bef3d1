create or replace function tailrace.forget_queue(i_queue text)
returns void
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.forget_queue(1)
--
--      Remove all that schema tailrace keeps for a queue: replicated tables with their triggers,
--      events set aside, runners and holds. Called just before the node itself is dropped; the
--      user's tables and their rows stay.
--
-- Parameters:
--      i_queue     queue whose node goes
-- Returns:
--      nothing
-- Calls:
--      tailrace.remove_table
-- Tables changed:
--      delete - tailrace.runner, tailrace.hold, tailrace.member, tailrace.passed_relation; tailrace.table_info,
--      tailrace.set_aside below
-- ----------------------------------------------------------------------
declare
    v_table text;
begin
    for v_table in
        select t.table_name from tailrace.table_info t where t.queue_name = i_queue order by 1
    loop
        perform tailrace.remove_table(i_queue, v_table);
    end loop;
    delete from tailrace.runner r where r.queue_name = i_queue;
    delete from tailrace.hold h where h.queue_name = i_queue;
    delete from tailrace.member m where m.queue_name = i_queue;
    delete from tailrace.passed_relation p where p.queue_name = i_queue;
end
$$;

comment on function tailrace.forget_queue(text) is
    'removes all that is kept for a queue whose node is about to be dropped';
