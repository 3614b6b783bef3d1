create or replace function tailrace.savepoint_work(
    i_runner text
) returns table (savepoint_id text, what text)
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.savepoint_work(1)
--
--      What a runner of this database, or whoever waits, has to do for savepoints. A savepoint is
--      written by the runner that has its job, since the files are written where the writer runs;
--      by any other when that one is dead. One that is to end its job waits until the job is at rest.
--
-- Parameters:
--      i_runner  - name of the runner that asks; NULL: somebody who is none
--
-- Returns:
--      savepoint_id  - id; the oldest first
--      what          - write or drop; what one holds that failed is dropped, too
--
-- Calls:
--      tailrace.live_runners
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    with work as (
        select s.savepoint_id, 'write' as what, s.requested_at
        from tailrace.savepoint as s
        left join pgq_node.local_state as p
            on p.queue_name = s.queue_name and p.consumer_name = s.consumer_name
        left join tailrace.runner as r
            on r.queue_name = s.queue_name and r.consumer_name = s.consumer_name
        where s.state in ('requested', 'writing')
            and (not s.stops_job or p.consumer_name is null or (p.paused and p.uptodate))
            and (r.runner_name is not distinct from i_runner
                or r.runner_name is null
                or pg_catalog.hashtext(r.runner_name) not in (select l.runner from tailrace.live_runners() as l))
        union all
        select s.savepoint_id, 'drop', s.requested_at
        from tailrace.savepoint as s
        where s.state = 'dropping'
            or (s.state = 'failed' and exists (select 1 from pgq_node.local_state as p
                where p.queue_name = s.queue_name and p.consumer_name = '.savepoint.' || s.savepoint_id))
    )
    select w.savepoint_id, w.what from work as w order by w.requested_at, w.savepoint_id;
$body$;

comment on function tailrace.savepoint_work(text) is 'what a runner has to do for savepoints';
