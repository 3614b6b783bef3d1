create or replace procedure tailrace.run_ticker(
    i_period   interval,
    i_duration interval,
    inout io_ticks  integer default 0,
    inout io_queues integer default 0,
    inout io_failed text default null,
    inout io_pause  double precision default null
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Procedure: tailrace.run_ticker(6)
--
--      Tick all queues of this database that tick themselves, for a while. The waiting is done
--      here so that the client sleeps: a round costs no round trip, and on an idle database
--      no more than a look at the current snapshot. Commits, so call it outside of a transaction.
--
-- Parameters:
--      i_period    - time between rounds while there is work; it grows to 8 times that within some
--                    seconds in which there is none
--      i_duration  - time after which control goes back to the caller
--      io_ticks    - in: anything; out: number of ticks made
--      io_queues   - in: anything; out: number of queues that there were to tick; with none the
--                    call returns at once
--      io_failed   - in: anything; out: a line for each queue that failed and was left out until
--                    the end of the call; NULL: none did
--      io_pause    - in: what the call before returned, NULL at first; out: seconds between
--                    rounds at the end. Kept between calls, since a queue that was written to a
--                    moment ago will be written to again.
--
-- Calls:
--      tailrace.tick_queue
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_end      timestamptz := pg_catalog.clock_timestamp() + i_duration;
    v_rules_at timestamptz := pg_catalog.clock_timestamp();
    v_period   double precision := extract(epoch from i_period);
    v_longest  double precision := v_period * 8;
    v_snapshot text;
    v_quiet_at text;
    v_seen     text;
    v_queue    text;
    v_result   text;
    v_quiet    boolean;
    v_left_out text[] := '{}';
begin
    io_ticks := 0;
    io_queues := 0;
    io_failed := null;
    io_pause := coalesce(io_pause, v_longest);
    loop
        -- While this text stays the same, no transaction that wrote anything has ended.
        v_snapshot := pg_catalog.txid_current_snapshot()::text;
        -- Somebody has begun to write, or has ended: a commit is likely to come.
        if v_snapshot <> v_seen then
            io_pause := v_period;
        end if;
        v_seen := v_snapshot;
        if v_snapshot = v_quiet_at and pg_catalog.clock_timestamp() < v_rules_at then
            io_pause := least(io_pause * 1.003, v_longest);
        else
            v_quiet := true;
            io_queues := pg_catalog.cardinality(v_left_out);
            for v_queue in
                select q.queue_name
                from pgq.queue as q
                where not q.queue_external_ticker
                    and not q.queue_ticker_paused
                    and q.queue_name <> all (v_left_out)
                order by q.queue_name
            loop
                io_queues := io_queues + 1;
                begin
                    v_result := tailrace.tick_queue(v_queue);
                    v_quiet := v_quiet and v_result = 'quiet';
                    io_ticks := io_ticks + (v_result = 'ticked')::integer;
                exception when others then
                    v_left_out := v_left_out || v_queue;
                    io_failed := pg_catalog.concat_ws(E'\n', io_failed,
                        pg_catalog.format('queue "%s": %s', v_queue, sqlerrm));
                end;
            end loop;
            v_quiet_at := case when v_quiet then v_snapshot end;
            v_rules_at := pg_catalog.clock_timestamp() + interval '400 milliseconds';
            io_pause := case when v_quiet then least(io_pause * 1.003, v_longest) else v_period end;
            commit;
        end if;
        exit when io_queues = 0;
        exit when pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => io_pause) >= v_end;
        -- Sleeping rounds up to whole milliseconds, and a little more than 1 would be 2.
        perform pg_catalog.pg_sleep(greatest(floor(io_pause * 1000), 1) / 1000);
        -- The next round's now(), and with it the time of a tick, begins here.
        commit;
    end loop;
end;
$body$;

comment on procedure tailrace.run_ticker(interval, interval, integer, integer, text, double precision) is
    'ticks the queues of this database for a while';
