create or replace function tailrace.restore_intent(
    i_queue    text,
    i_consumer text,
    out job_id            text,
    out job_name          text,
    out kind              text,
    out path              text,
    out claim             boolean,
    out state             text,
    out tick_id           bigint,
    out provider_node     text,
    out provider_location text
)
language sql stable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.restore_intent(2)
--
--      What the job of a consumer is to be started from.
--
-- Parameters:
--      i_queue     - queue
--      i_consumer  - consumer of the job
--
-- Returns:
--      job_id, job_name, kind - the job
--      path, claim, state, tick_id - see tailrace.restore
--      provider_node      - node that holds the queue
--      provider_location  - where that is; NULL: here
--      all NULL: nothing, or nothing any more
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select j.job_id, j.job_name, j.kind, r.path, r.claim, r.state, r.tick_id, p.provider_node,
        case when p.provider_node <> n.node_name then l.node_location end
    from tailrace.job as j
    join tailrace.restore as r on r.job_id = j.job_id and r.state <> 'failed'
    join pgq_node.local_state as p on p.queue_name = j.queue_name and p.consumer_name = j.consumer_name
    join pgq_node.node_info as n on n.queue_name = j.queue_name
    left join pgq_node.node_location as l on l.queue_name = p.queue_name and l.node_name = p.provider_node
    where j.queue_name = i_queue and j.consumer_name = i_consumer and p.paused;
$body$;

comment on function tailrace.restore_intent(text, text) is 'what the job of a consumer is to be started from';
