-- ----------------------------------------------------------------------
-- Schema nyc: foreign keys, made when the data is in, because checking all rows at once is quicker.
--
--      722 tail numbers have no plane and four destinations no airport, so there is no foreign key
--      to planes and none for destinations.
-- ----------------------------------------------------------------------

alter table nyc.weather
    add constraint weather_origin_fkey foreign key (origin) references nyc.airports (faa);

alter table nyc.flights
    add constraint flights_carrier_fkey foreign key (carrier) references nyc.airlines (carrier)
        on update cascade,
    add constraint flights_origin_fkey foreign key (origin) references nyc.airports (faa);
