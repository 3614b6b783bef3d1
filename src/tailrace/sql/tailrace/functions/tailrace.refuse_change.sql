create or replace function tailrace.refuse_change(
    i_table    text,
    i_change   text,
    i_event_id bigint
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.refuse_change(3)
--
--      Says that a change is none that a file of new rows can tell of.
--
-- Parameters:
--      i_table     - global name of the table
--      i_change    - u or d
--      i_event_id  - event that tells of the change
--
-- Returns:
--      never; raises TR040
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    raise exception using errcode = 'TR040',
        message = pg_catalog.format('event %s: a row of table "%s" was %s, and files of format json tell of new rows only',
            i_event_id, i_table, case i_change when 'u' then 'updated' else 'deleted' end),
        hint = 'leave such changes out with: tailrace export JOB --updates skip; or drop the job and create it with --format debezium-json';
end;
$body$;

comment on function tailrace.refuse_change(text, text, bigint) is
    'says that a change is none that a file of new rows can tell of';
