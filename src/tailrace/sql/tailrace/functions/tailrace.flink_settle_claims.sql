create or replace function tailrace.flink_settle_claims(
    i_cluster text
) returns integer
language sql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_settle_claims(1)
--
--      Marks savepoints that were given to a run for good, once it runs: one that was refused owns
--      nothing.
--
-- Parameters:
--      i_cluster  - name of the cluster, or its first place (tailrace.flink_cluster)
--
-- Returns:
--      how many
--
-- Tables directly manipulated:
--      update - tailrace.flink_savepoint
-- ----------------------------------------------------------------------
    with claimed as (
        update tailrace.flink_savepoint as s
        set state = 'claimed'
        from tailrace.flink_run as r
        where s.cluster = i_cluster and s.state in ('completed', 'foreign')
            and r.restored_from = s.path and r.is_claimed and r.has_run
        returning 1
    )
    select count(*)::integer from claimed
$body$;

comment on function tailrace.flink_settle_claims(text) is
    'marks savepoints of a Flink cluster that were given to a run for good';
