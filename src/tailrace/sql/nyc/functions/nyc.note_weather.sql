create or replace function nyc.note_weather()
returns trigger
language plpgsql
as $$
-- ----------------------------------------------------------------------
-- Function: nyc.note_weather(0)
--
--      AFTER ROW trigger of nyc.weather, of the kind that users have: it changes the table that it
--      stands on, the row itself and the row of the hour after, while the statement still runs.
--
-- Returns:
--      NULL, which an AFTER trigger may
-- Tables changed:
--      nyc.weather
-- ----------------------------------------------------------------------
begin
    update nyc.weather as w
       set alert = case when new.wind_speed > 40 then 'storm'
                        when new.temp < 20 then 'frost'
                        when new.temp > 95 then 'heat' end
     where w.origin = new.origin and w.time_hour = new.time_hour;
    update nyc.weather as w
       set temp_change = w.temp - new.temp
     where w.origin = new.origin and w.time_hour = new.time_hour + interval '1 hour';
    return null;
end
$$;

comment on function nyc.note_weather() is 'keeps what follows from a change of temperature or wind';

create or replace trigger note_weather
    after update of temp, wind_speed on nyc.weather
    for each row execute function nyc.note_weather();
