create or replace function tailrace.add_export(
    i_name      text,
    i_statement text,
    i_settings  jsonb,
    i_queue     text,
    i_snapshot  boolean,
    i_relations jsonb,
    i_program   jsonb
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.add_export(7)
--
--      Write a job down that writes changes into files. It reads as a SQL job does, and takes its
--      place in the same way.
--
-- Parameters:
--      i_settings   - what is shown of it: to, format, and so on
--      i_relations  - array of objects with the columns of tailrace.job_relation: what it reads
--      i_program    - what its runner needs
--      for the others see tailrace.add_sql_job
--
-- Returns:
--      id of the job; raises as tailrace.add_sql_job does, and TR005 when another job of this database
--      writes into the same place
--
-- Calls:
--      tailrace.add_sql_job
-- Tables directly manipulated:
--      update - tailrace.job
-- ----------------------------------------------------------------------
declare
    v_id    text;
    v_other text;
begin
    v_id := tailrace.add_sql_job(i_name, i_statement, i_settings, 'pg_catalog', i_queue, i_snapshot, i_relations, i_program);
    select o.job_name into v_other
    from tailrace.job as o
    join tailrace.job_relation as r on r.job_id = o.job_id
    join tailrace.job_relation as mine on mine.job_id = v_id and mine.table_name = r.table_name
    where o.kind = 'export' and o.settings ->> 'to' = i_settings ->> 'to'
    limit 1;
    if found then
        raise exception using errcode = 'TR005',
            message = pg_catalog.format('job "%s" writes into "%s" already', v_other, i_settings ->> 'to'),
            hint = 'choose another directory, or drop that job';
    end if;
    update tailrace.job as j set kind = 'export' where j.job_id = v_id;
    return v_id;
end;
$body$;

comment on function tailrace.add_export(text, text, jsonb, text, boolean, jsonb, jsonb) is
    'writes a job down that writes changes into files';
