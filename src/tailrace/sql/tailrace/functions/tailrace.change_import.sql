create or replace function tailrace.change_import(
    i_job   text,
    changes jsonb
) returns text
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.change_import(2)
--
--      Change an import that is there. Its runner learns of it with the next look; files that are
--      loaded stay so. Its directory, table, format and key say what was loaded, and stay.
--
-- Parameters:
--      i_job    - name, id or beginning of the id
--      changes  - columns (array), sparse (true, false), poll, retention (intervals); null: as if it
--                 had not been said when the job was created
--
-- Returns:
--      id of the job; raises TR001 for what cannot be changed so, TR009 when it is no import, and like
--      tailrace.create_import for columns
--
-- Calls:
--      tailrace.find_job, tailrace.import_target, tailrace.import_plan
-- Tables directly manipulated:
--      update - tailrace.job
-- ----------------------------------------------------------------------
declare
    v_job      tailrace.job := tailrace.find_job(i_job);
    v_settings jsonb;
    v_key      text[];
    v_columns  text[];
    v_name     text;
begin
    if v_job.kind <> 'import' then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('job "%s" is of kind %s: it loads no files', v_job.job_name, v_job.kind);
    end if;
    select k.name into v_name
    from pg_catalog.jsonb_object_keys(change_import.changes) as k (name)
    where k.name not in ('columns', 'sparse', 'poll', 'retention')
    limit 1;
    if found then
        raise exception using errcode = 'TR001',
            message = pg_catalog.format('"%s" of an import cannot be changed', v_name),
            hint = 'columns, sparse, poll and retention can; for all else create another job';
    elsif (change_import.changes ->> 'poll')::interval <= interval '0'
            or (change_import.changes ->> 'retention')::interval < interval '0' then
        raise exception using errcode = 'TR001',
            message = 'the time between two looks is above 0, and that before files are removed not below';
    end if;
    v_settings := pg_catalog.jsonb_strip_nulls(v_job.settings || change_import.changes
        || pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
            'poll', (change_import.changes ->> 'poll')::interval,
            'retention', (change_import.changes ->> 'retention')::interval)));
    v_key := array(select k from pg_catalog.jsonb_array_elements_text(v_settings -> 'key') as k);
    v_columns := array(select c from pg_catalog.jsonb_array_elements_text(v_settings -> 'columns') as c);
    perform tailrace.import_target(v_settings ->> 'table', v_settings ->> 'format', nullif(v_key, '{}'),
        nullif(v_columns, '{}'));
    perform * from tailrace.import_plan(v_settings ->> 'table', v_settings ->> 'format', nullif(v_key, '{}'),
        nullif(v_columns, '{}'), coalesce((v_settings ->> 'sparse')::boolean, false), v_job.owner);
    update tailrace.job as j set settings = v_settings where j.job_id = v_job.job_id;
    return v_job.job_id;
end;
$body$;

comment on function tailrace.change_import(text, jsonb) is 'changes an import that is there';
