create or replace function tailrace.batch_copy(
    i_number      integer,
    i_table       text,
    i_relation_id text,
    i_columns     text[]
) returns table (prepare_sql text, added text, removed text, changed text)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.batch_copy(4)
--
--      Statements that take changes of one descriptor into what tailrace.batch_relation has made.
--      Columns are matched by name; those that the table does not have here go aside.
--
-- Parameters:
--      i_number       - number of the table in its job
--      i_table        - local table, schema.table
--      i_relation_id  - descriptor that the rows were written with
--      i_columns      - columns that the job needs
--
-- Returns:
--      prepare_sql              - to be run before; NULL: nothing
--      added, removed, changed  - COPY … FROM STDIN for each kind of part
--      Raises TR031 when such changes come without old values or such a column, or their descriptor
--      is not known.
--
-- Calls:
--      tailrace.table_oid, tailrace.recall_relation
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
declare
    v_relation tailrace.relation;
    v_names    text;
    v_aside    text;
    v_lacking  text;
begin
    select * into v_relation from tailrace.relation as r where r.relation_id = i_relation_id;
    if not found and tailrace.recall_relation(i_relation_id) then
        select * into v_relation from tailrace.relation as r where r.relation_id = i_relation_id;
    end if;
    if v_relation is null or not v_relation.old_images then
        raise exception using errcode = 'TR031',
            message = pg_catalog.format('changes of table "%s" came without the values that were there before (descriptor %s)',
                i_table, coalesce(i_relation_id, 'none')),
            hint = 'the job cannot know what they took away; drop it, empty its tables, and create it again with ''initial'' = ''snapshot''';
    end if;
    select c into v_lacking
    from pg_catalog.unnest(i_columns) as c
    where c <> all (v_relation.column_names)
    limit 1;
    if found then
        raise exception using errcode = 'TR031',
            message = pg_catalog.format('changes of table "%s" came without column "%s", which the job uses', i_table, v_lacking),
            hint = 'the column was renamed or not there when they were made; drop the job, empty its tables, and create it again with ''initial'' = ''snapshot''';
    end if;
    select pg_catalog.string_agg(case when a.attname is null then 'tailrace_aside_' || c.place
            else pg_catalog.quote_ident(a.attname) end, ', ' order by c.place),
        pg_catalog.string_agg(' add column if not exists tailrace_aside_' || c.place || ' text', ',')
            filter (where a.attname is null)
    into v_names, v_aside
    from pg_catalog.unnest(v_relation.column_names) with ordinality as c (name, place)
    left join pg_catalog.pg_attribute as a
        on a.attrelid = tailrace.table_oid(i_table) and a.attname = c.name
        and a.attnum > 0 and not a.attisdropped and a.attgenerated = '';
    if v_aside is not null then
        prepare_sql := (
            select pg_catalog.string_agg(pg_catalog.format('alter table if exists pg_temp.tailrace_%s_%s%s', t.name, i_number, v_aside), '; ')
            from pg_catalog.unnest(array['added', 'removed', 'changed']) as t (name));
    end if;
    added := pg_catalog.format('copy pg_temp.tailrace_added_%s (%s) from stdin (format csv)', i_number, v_names);
    removed := pg_catalog.format('copy pg_temp.tailrace_removed_%s (%s) from stdin (format csv)', i_number, v_names);
    changed := pg_catalog.format('copy pg_temp.tailrace_changed_%s (_event_id, _op, _weight, _time, %s) from stdin (format csv)',
        i_number, v_names);
    return next;
end;
$body$;

comment on function tailrace.batch_copy(integer, text, text, text[]) is
    'statements that take changes of one descriptor into a batch';
