create or replace function tailrace.flink_move_savepoint(
    i_savepoint text,
    i_state     text,
    i_path      text default null,
    i_size      bigint default null,
    i_error     text default null
) returns void
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.flink_move_savepoint(5)
--
--      Brings a savepoint of a Flink cluster into another state of its life. To say again what is so
--      already does no harm; everybody who finds out the same may say it.
--
-- Parameters:
--      i_savepoint  - id of the savepoint
--      i_state      - the new state
--      i_path       - where it is; NULL: as known
--      i_size       - bytes; NULL: as known
--      i_error      - what went wrong; NULL: nothing
--
-- Returns:
--      nothing; raises TR009 when that state cannot follow the present one, TR004 when there is none
--
-- Tables directly manipulated:
--      update - tailrace.flink_savepoint, tailrace.flink_job: one that has not stopped runs on
-- ----------------------------------------------------------------------
declare
    v_now tailrace.flink_savepoint;
begin
    select s.* into v_now from tailrace.flink_savepoint as s where s.savepoint_id = i_savepoint for update;
    if not found then
        raise exception using errcode = 'TR004', message = pg_catalog.format('there is no savepoint "%s"', i_savepoint);
    end if;
    if v_now.state <> i_state and (v_now.state, i_state) not in (
        ('requested', 'completed'), ('requested', 'failed'),
        ('failed', 'completed'),  -- it came after all
        ('completed', 'claimed'), ('completed', 'dropping'), ('completed', 'lost'),
        ('claimed', 'dropping'), ('claimed', 'dropped'),  -- its job has removed it
        ('foreign', 'claimed'), ('foreign', 'dropping'), ('foreign', 'lost'),
        ('lost', 'completed'), ('lost', 'foreign'), ('lost', 'dropped'),
        ('dropping', 'dropped'), ('dropping', 'completed')
    ) then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('savepoint "%s" is %s and cannot become %s',
                coalesce(v_now.path, i_savepoint), v_now.state, i_state);
    end if;
    update tailrace.flink_savepoint as s
    set state = i_state,
        path = coalesce(i_path, s.path),
        size = coalesce(i_size, s.size),
        completed_at = case when i_state = 'completed' then coalesce(s.completed_at, pg_catalog.clock_timestamp())
            else s.completed_at end,
        error = i_error
    where s.savepoint_id = i_savepoint;
    if i_state = 'failed' and v_now.stops then
        update tailrace.flink_job as j
        set wanted = 'running'
        from tailrace.flink_run as r
        where j.job_id = v_now.job_id and r.run_id = j.run_id and r.engine_id = v_now.engine_id
            and r.status not in ('CANCELLING', 'CANCELED');
    end if;
end;
$body$;

comment on function tailrace.flink_move_savepoint(text, text, text, bigint, text) is
    'brings a savepoint of a Flink cluster into another state';
