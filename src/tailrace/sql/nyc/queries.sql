-- Queries of schema nyc: everything that tailrace demo asks for, under the heading of who asks.

-- ---------------------------------------------------------------- Stage

-- create_database_sql: statements that make databases
select pg_catalog.format('create database %%I', name) as statement
from pg_catalog.unnest(%(names)s::text[]) as name;

-- copy_airlines: take the rows of the file of that name
copy nyc.airlines from stdin (format csv, header, null 'NA');

-- copy_airports: likewise
copy nyc.airports from stdin (format csv, header, null 'NA');

-- copy_planes: likewise
copy nyc.planes from stdin (format csv, header, null 'NA');

-- copy_weather: likewise; the last two columns are the trigger's
copy nyc.weather (origin, year, month, day, hour, temp, dewp, humid, wind_dir, wind_speed, wind_gust,
    precip, pressure, visib, time_hour)
from stdin (format csv, header, null 'NA');

-- copy_flights: likewise
copy nyc.flights from stdin (format csv, header, null 'NA');

-- analyze_tables: look at the rows for the planner
analyze nyc.airlines, nyc.airports, nyc.planes, nyc.weather, nyc.flights;

-- ---------------------------------------------------------------- Writers

-- delay: flights of one airport are late for a day
update nyc.flights
set dep_delay = coalesce(dep_delay, 0) + %(minutes)s, arr_delay = coalesce(arr_delay, 0) + %(minutes)s
where year = 2013 and month = %(month)s and day = %(day)s and origin = %(origin)s;

-- delay_days: everything from one airport is late for some days, in one statement
update nyc.flights
set dep_delay = coalesce(dep_delay, 0) + %(minutes)s
where year = 2013 and month = %(month)s and day between %(day)s and %(day)s + 4 and origin = %(origin)s;

-- repeat: the flights of some hours are planned for the next year, too
insert into nyc.flights (year, month, day, sched_dep_time, sched_arr_time, carrier, flight, tailnum,
    origin, dest, distance, hour, minute, time_hour)
select year + 1, month, day, sched_dep_time, sched_arr_time, carrier, flight, tailnum,
    origin, dest, distance, hour, minute, time_hour + interval '1 year'
from nyc.flights
where year = 2013 and month = %(month)s and day = %(day)s and origin = %(origin)s
    and hour between %(hour)s and %(hour)s + 4
on conflict do nothing;

-- renumber: flights get other numbers, a part of their key; done twice they have the old ones again
update nyc.flights
set flight = case when flight > 10000 then flight - 10000 else flight + 10000 end
where year = 2013 and month = %(month)s and day = %(day)s and origin = %(origin)s
    and hour between %(hour)s and %(hour)s + 4;

-- postpone: planned flights move to the month after, which is another partition
update nyc.flights as f
set year = f.year + f.month / 12, month = f.month %% 12 + 1
where f.year = 2014 and f.month = %(month)s and f.day = %(day)s and f.origin = %(origin)s
    and not exists (
        select 1 from nyc.flights as o
        where o.year = f.year + f.month / 12 and o.month = f.month %% 12 + 1 and o.day = f.day
            and o.origin = f.origin and o.carrier = f.carrier and o.flight = f.flight);

-- cancel: planned flights of a day vanish
delete from nyc.flights
where year = 2014 and month = %(month)s and day = %(day)s and origin = %(origin)s;

-- forget: flights that never took off vanish
delete from nyc.flights
where year = 2013 and month = %(month)s and day = %(day)s and origin = %(origin)s and dep_time is null;

-- divert: planned flights of a day are taken out and put in a year later, in one statement
with gone as (
    delete from nyc.flights
    where year = 2014 and month = %(month)s and day = %(day)s and origin = %(origin)s
    returning *)
insert into nyc.flights
select year + 1, month, day, dep_time, sched_dep_time, dep_delay, arr_time, sched_arr_time, arr_delay,
    carrier, flight, 'N' || flight, origin, dest, air_time, distance, hour, minute, time_hour
from gone
on conflict do nothing;

-- correct_weather: a thermometer was wrong for a day; the table's own trigger changes further rows
update nyc.weather
set temp = temp + %(degrees)s
where year = 2013 and month = %(month)s and day = %(day)s and origin = %(origin)s;

-- refit: planes of one type get other seats
update nyc.planes
set seats = seats + %(seats)s
where model = (select model from nyc.planes order by tailnum offset %(offset)s limit 1);

-- rename_airline: an airline's code changes, and with it its flights', by the foreign key
update nyc.airlines
set carrier = case carrier when 'OO' then 'SK' else 'OO' end
where carrier in ('OO', 'SK');

-- open_airport: a heliport opens
insert into nyc.airports (faa, name, lat, lon, alt, tz, dst, tzone)
select 'H' || %(number)s, 'Heliport "' || %(number)s || '" \ East River', lat, lon, 0, tz, dst, null
from nyc.airports
where faa = %(origin)s
on conflict do nothing;

-- close_airports: most heliports close again
delete from nyc.airports
where faa like 'H%' and name like 'Heliport %' and length(name) % 3 > 0;

-- ---------------------------------------------------------------- Job

-- make_carrier_delays: the table that the job keeps
create table nyc.carrier_delays (
    carrier text not null,
    hour    integer not null,
    flights bigint not null,
    minutes bigint not null,
    primary key (carrier, hour));

-- job: a statement of tailrace: the job that keeps it
create job carrier_delays with ('initial' = 'snapshot') as $$
    insert into nyc.carrier_delays as d
    select carrier, hour, sum(_weight), sum(coalesce(dep_delay, 0) * _weight)
    from changes."nyc.flights"
    group by carrier, hour
    on conflict (carrier, hour) do update
    set flights = d.flights + excluded.flights, minutes = d.minutes + excluded.minutes;

    delete from nyc.carrier_delays where flights = 0
$$;

-- has_begun: whether the job has had the rows that were there
select not wants_snapshot from tailrace.job where job_name = %(job)s;

-- carrier_delays: what the job has kept
select carrier, hour, flights, minutes from nyc.carrier_delays order by carrier, hour;

-- wanted_delays: the same, asked of the flights
select carrier, hour, count(*) as flights, sum(coalesce(dep_delay, 0))::bigint as minutes
from nyc.flights
group by carrier, hour
order by carrier, hour;

-- ---------------------------------------------------------------- Through Flink and back

-- make_daily_delays: the table that the windows of Flink come to
create table nyc.daily_delays (
    day     date primary key,
    flights bigint not null,
    minutes bigint not null);

-- wanted_days: what has to be in it, asked of the flights
select (time_hour at time zone 'UTC')::date as day, count(*) as flights, sum(coalesce(dep_delay, 0))::bigint as minutes
from nyc.flights
group by 1
order by 1;

-- daily_delays: what has come
select day, flights, minutes from nyc.daily_delays order by day;

-- failed_jobs: jobs that have given up
select job_name, error from tailrace.jobs where status = 'FAILED';

-- bridged: how many files have been written and loaded, and their lines
select
    (select count(*) from tailrace.export_file as f where f.byte_count > 0) as written_files,
    (select coalesce(sum(f.row_count), 0)::bigint from tailrace.export_file as f) as written_lines,
    (select count(*) from tailrace.import_file) as loaded_files,
    (select coalesce(sum(f.line_count), 0)::bigint from tailrace.import_file as f) as loaded_lines;

-- export_position: up to which tick changes are in files
select position::bigint from tailrace.jobs where job_name = %(job)s;

-- flink_flights: a statement of Flink: the images of rows that came and went, for as long as files come
CREATE TABLE flights (carrier STRING, `hour` INT, dep_delay INT, `_weight` INT) WITH (
    'connector' = 'filesystem', 'path' = '%(path)s', 'format' = 'json', 'source.monitor-interval' = '200 ms');

-- flink_carrier_delays: a statement of Flink: files of changes
CREATE TABLE carrier_delays (carrier STRING, `hour` INT, flights BIGINT, minutes BIGINT) WITH (
    'connector' = 'filesystem', 'path' = '%(path)s', 'format' = 'debezium-json',
    'sink.rolling-policy.rollover-interval' = '500 ms', 'sink.rolling-policy.check-interval' = '200 ms');

-- flink_by_carrier: a statement of tailrace: a job of Flink whose result changes with the flights
CREATE JOB carrier_delays AS
INSERT INTO carrier_delays
SELECT carrier, `hour`, SUM(CAST(`_weight` AS BIGINT)), SUM(CAST(COALESCE(dep_delay, 0) * `_weight` AS BIGINT))
FROM flights
GROUP BY carrier, `hour`
HAVING SUM(CAST(`_weight` AS BIGINT)) > 0;

-- flink_all_flights: a statement of Flink: the same files, those that are there; they hold three years in no order
CREATE TABLE all_flights (
    dep_delay INT, time_hour TIMESTAMP_LTZ(3), `_weight` INT,
    WATERMARK FOR time_hour AS time_hour - INTERVAL '3' YEAR
) WITH ('connector' = 'filesystem', 'path' = '%(path)s', 'format' = 'json');

-- flink_daily_delays: a statement of Flink: files of rows
CREATE TABLE daily_delays (`day` DATE, flights BIGINT, minutes BIGINT) WITH (
    'connector' = 'filesystem', 'path' = '%(path)s', 'format' = 'json');

-- flink_by_day: a statement of tailrace: a job of Flink that ends with the files, and windows with it
CREATE JOB daily_delays AS
INSERT INTO daily_delays
SELECT CAST(window_start AS DATE), SUM(CAST(`_weight` AS BIGINT)),
    SUM(CAST(COALESCE(dep_delay, 0) * `_weight` AS BIGINT))
FROM TABLE(TUMBLE(TABLE all_flights, DESCRIPTOR(time_hour), INTERVAL '1' DAY))
GROUP BY window_start, window_end
HAVING SUM(CAST(`_weight` AS BIGINT)) > 0;

-- ---------------------------------------------------------------- Figures

-- copied_rows: rows of a node's tables that came with the first load
select coalesce(sum(copied_rows), 0)::bigint from tailrace.table_info;

-- send_times: keys of flights changed since a moment, with the moment of each one's commit
copy (
    select f.year, f.month, f.day, f.origin, f.carrier, f.flight, c.committed_at
    from nyc.flights as f
    cross join lateral (select pg_catalog.pg_xact_commit_timestamp(f.xmin) as committed_at offset 0) as c
    where c.committed_at > %(since)s)
to stdout;

-- make_times: where they are put beside the flights of another node
create temporary table sent_at (
    year integer, month integer, day integer, origin text, carrier text, flight integer,
    committed_at timestamptz);

-- take_times: takes them
copy pg_temp.sent_at from stdin;

-- delays: milliseconds from commit there to commit here of each transaction, apart for those that an
-- interruption met
with row_times as (
    select t.committed_at, pg_catalog.pg_xact_commit_timestamp(f.xmin) as arrived_at
    from pg_temp.sent_at as t
    join nyc.flights as f using (year, month, day, origin, carrier, flight)
), delay as (
    select max(1000 * extract(epoch from r.arrived_at - r.committed_at))::double precision as ms,
        coalesce(r.committed_at < %(mended)s and max(r.arrived_at) > %(killed)s, false) as interrupted
    from row_times as r
    where r.arrived_at is not null
    group by r.committed_at
)
select interrupted, count(*) as transactions,
    percentile_cont(0.5) within group (order by ms) as p50,
    percentile_cont(0.95) within group (order by ms) as p95,
    max(ms) as most
from delay
group by interrupted
order by interrupted;
