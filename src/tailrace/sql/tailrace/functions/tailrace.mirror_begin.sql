create or replace function tailrace.mirror_begin(
    i_queue     text,
    i_consumer  text,
    i_epoch     bigint,
    i_from_tick bigint,
    i_to_tick   bigint,
    out event_table text,
    out copy_sql    text
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.mirror_begin(5)
--
--      Begin the transaction that brings the events of one tick into a branch: move the position,
--      then name the table that takes them. In this order, because the transaction must have its
--      id before it looks which table is current: so a rotation that happens meanwhile still
--      counts it among the transactions that may have written to the table before.
--
-- Parameters:
--      i_queue      - queue
--      i_consumer   - the mirror, in this database
--      i_epoch      - what tailrace.take_over returned to this runner
--      i_from_tick  - tick before
--      i_to_tick    - tick whose events come now
--
-- Returns:
--      event_table  - table that takes the events, for tailrace.mirror_events
--      copy_sql     - COPY FROM STDIN in binary format that takes what tailrace.pending_ticks reads
--
-- Calls:
--      tailrace.advance, pgq.current_event_table
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    perform tailrace.advance(i_queue, i_consumer, i_epoch, i_from_tick, i_to_tick);
    -- whoever promotes the node has to change the row of the position, which is locked now
    if not exists (select 1 from pgq_node.node_info as n
        where n.queue_name = i_queue and n.node_type = 'branch')
    then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('node of queue "%s" in database "%s" is no branch, so nothing is mirrored into it',
                i_queue, pg_catalog.current_database());
    end if;

    -- The tick follows in a transaction of its own and its commit flushes this one's WAL as well;
    -- a crash between the two may lose both or keep this one alone, and both cases mend.
    perform pg_catalog.set_config('synchronous_commit', 'off', true);

    event_table := pgq.quote_fqname(pgq.current_event_table(i_queue));
    copy_sql := pg_catalog.format(
        'copy %s (ev_id, ev_time, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4)'
        ' from stdin (format binary)', event_table);
end;
$body$;

comment on function tailrace.mirror_begin(text, text, bigint, bigint, bigint) is
    'moves a mirror''s position and names the table that takes the events';
