create or replace function tailrace.refuse_or_note(i_capture_id integer)
returns void
language plpgsql
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.refuse_or_note(1)
--
--      What capture does when it may not write row events. In role local
--      (a script of schema changes) rows change on every node by the same
--      script: the root only notes that it happened, for readers that need
--      every change. Otherwise the queue is closed to writers.
--
-- Raises:
--      TR009 when the queue of the table takes no events here
-- ----------------------------------------------------------------------
declare
    v_info tailrace.table_info;
begin
    select * into strict v_info from tailrace.table_info i where i.capture_id = i_capture_id;
    if current_setting('session_replication_role') = 'local' then
        if not (select q.queue_disable_insert from pgq.queue q where q.queue_name = v_info.queue_name) then
            perform tailrace.send_untracked(v_info.queue_name, v_info.table_name);
        end if;
        return;
    end if;
    raise exception 'table "%" cannot be written here: queue "%" takes no events on this node',
                    v_info.dest_table, v_info.queue_name
          using errcode = 'TR009', hint = 'write on the root of the queue; tailrace status shows which node that is';
end
$$;
