create or replace function tailrace.know_member(i_queue text, i_node text, i_event_id bigint)
returns void
language sql
as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.know_member(3)
--
--      Note that a node has been made known here directly, by the command that created it. Where
--      this database is behind, its queue may have yet to tell that an earlier node of the name
--      was dropped, which must not be taken for the new one (tailrace.cascade_event).
--
-- Parameters:
--      i_queue     - queue
--      i_node      - the new node
--      i_event_id  - last event of the root when it was created; NULL: not known, nothing is noted
--
-- Returns:
--      nothing
--
-- Calls:
--      none
-- Tables directly manipulated:
--      insert, update - tailrace.member
-- ----------------------------------------------------------------------
    insert into tailrace.member (queue_name, node_name, event_id)
    select i_queue, i_node, i_event_id
    where i_event_id is not null
    on conflict (queue_name, node_name) do update
       set event_id = greatest(member.event_id, excluded.event_id);
$body$;

comment on function tailrace.know_member(text, text, bigint) is
    'notes that a node has been made known here directly, and when';
