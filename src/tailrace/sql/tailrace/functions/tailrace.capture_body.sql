create or replace function tailrace.capture_body(i_capture_id integer, i_kind text)
returns text
language plpgsql stable
set search_path = pg_catalog
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.capture_body(2)
--
--      One statement of capture, as SQL text built from the catalog: what
--      follows "insert into <event table> ". Several rows become one event
--      (spec: leaf-catchup.md B); a pack stays below the size at which the
--      server would move it out of line, so that it is written once.
--
--      Which event a row becomes is decided by what happens to its key:
--      I, it appears; U, it stays; D, it vanishes.
--
-- Parameters:
--      i_capture_id    tailrace.table_info.capture_id
--      i_kind          from the statement's transition tables:
--                        insert     NEW as I
--                        update     NEW as U (no key changed)
--                        vanished   keys of OLD that NEW lacks, as D
--                        arrived    NEW whose key OLD lacks, as I
--                        stayed     NEW whose key OLD has, as U
--                        delete     keys of OLD as D
--                      where old images are wanted, besides
--                        old_update, old_delete   OLD as O
--                        raw           NEW as U, after nested DML: what this
--                                      statement did, for readers of changes
--                        raw_vanished  keys of NEW that the table lacks, as D
--                      from the table as it is now, after nested DML:
--                        now_inserted, now_arrived, now_returned   as I
--                        now_stayed                                as U
--                        now_vanished                              as D
--                      other:
--                        truncate   one row:T
--                        rows       every row of a partition as U
--                        row_keys   every key of the partition as D
--                        left_keys  those of them that the table lacks
--                        old_truncate, old_detached   every row as O
--                      A condition instead of a statement:
--                        moved      did a key vanish from OLD to NEW
-- Returns:
--      SQL text. The event tables' column list comes first.
-- Raises:
--      TR001 for an unknown kind
--
--      Where old images are wanted, the rows as they are now repeat what has
--      been told: they carry N in ev_extra4, and readers of changes leave
--      them out (docs/reference/wire-format.md).
-- ----------------------------------------------------------------------
declare
    v_info     tailrace.table_info;
    v_queue    pgq.queue;
    v_relation record;
    v_table    regclass;
    v_row      text;
    v_key      text;
    v_keys     text;
    v_n_o      text;
    v_o_n      text;
    v_t_k      text;
    v_letter   text;
    v_extra    text;
    v_source   text;
    v_payload  text;
begin
    select * into strict v_info from tailrace.table_info i where i.capture_id = i_capture_id;
    select * into strict v_queue from pgq.queue q where q.queue_name = v_info.queue_name;
    v_table := tailrace.table_oid(v_info.dest_table);
    select * into v_relation from tailrace.describe_table(v_table, v_info.table_name, v_info.old_images);

    -- The row itself is the same text and a tenth cheaper, where nothing is left out and no part of the
    -- table may have another column order. (Not (r.*)::text: the table's owner could give that cast a
    -- function of his own, which would run here with our rights.)
    if not exists (select from pg_attribute a where a.attrelid = v_table and a.attgenerated <> '' and not a.attisdropped)
       and not exists (select from pg_inherits h where h.inhparent = v_table)
       and (select c.relkind from pg_class c where c.oid = v_table) = 'r' then
        v_row := 'record_out((r.*))::text';
    else
        select 'row(' || string_agg(format('r.%I', c.name), ', ' order by c.n) || ')::text'
          into v_row from unnest(v_relation.column_names) with ordinality c(name, n);
    end if;
    select 'row(' || string_agg(format('r.%I', c.name), ', ' order by c.n) || ')::text',
           string_agg(format('r.%I', c.name), ', ' order by c.n)
      into v_key, v_keys from unnest(v_relation.key_columns) with ordinality c(name, n);
    v_n_o := tailrace.key_match(v_table, 'r', 'o');
    v_o_n := tailrace.key_match(v_table, 'r', 'n');
    v_t_k := tailrace.key_match(v_table, 'r', 'k');

    if i_kind = 'moved' then
        return format('select exists (select from tailrace_old r where not exists (select from tailrace_new n where %s))', v_o_n);
    elsif i_kind = 'truncate' then
        return format('(ev_id, ev_time, ev_type, ev_extra1, ev_extra3) select nextval(%L), now(), ''row:T'', %L, %L',
                      v_queue.queue_event_seq, v_info.table_name, v_relation.relation_id);
    end if;

    v_extra := case
        when i_kind = 'old_update' then 'U'
        when i_kind in ('old_delete', 'old_detached') then 'D'
        when i_kind = 'old_truncate' then 'T'
        when v_info.old_images
             and i_kind in ('rows', 'now_inserted', 'now_stayed', 'now_arrived', 'now_returned') then 'N' end;
    v_letter := case when i_kind like 'old\_%' then 'O'
                     when i_kind in ('insert', 'arrived', 'now_inserted', 'now_arrived', 'now_returned', 'loaded') then 'I'
                     when i_kind in ('update', 'stayed', 'now_stayed', 'rows', 'raw') then 'U'
                     when i_kind in ('vanished', 'delete', 'now_vanished', 'row_keys', 'left_keys', 'raw_vanished') then 'D' end;
    v_payload := case when v_letter = 'D' then v_key else v_row end;
    v_source := case i_kind
        when 'insert'   then 'tailrace_new r'
        when 'update'   then 'tailrace_new r'
        when 'delete'   then 'tailrace_old r'
        when 'old_update' then 'tailrace_old r'
        when 'old_delete' then 'tailrace_old r'
        when 'raw'      then 'tailrace_new r'
        when 'old_truncate' then '@table@ r'
        when 'old_detached' then '@table@ r'
        when 'rows'     then '@table@ r'
        when 'loaded'   then '@table@ r'
        when 'row_keys' then '@table@ r'
        when 'left_keys' then format('@table@ r where not exists (select from %s n where %s)', v_table, v_o_n)
        when 'vanished' then format('tailrace_old r where not exists (select from tailrace_new n where %s)', v_o_n)
        when 'arrived'  then format('tailrace_new r where not exists (select from tailrace_old o where %s)', v_n_o)
        when 'stayed'   then format('tailrace_new r where exists (select from tailrace_old o where %s)', v_n_o)
        when 'now_inserted' then format('%s r join (select distinct %s from tailrace_new r) k on %s', v_table, v_keys, v_t_k)
        when 'now_returned' then format('%s r join (select distinct %s from tailrace_old r) k on %s', v_table, v_keys, v_t_k)
        when 'now_stayed'   then format('%s r join (select distinct %s from tailrace_old r) k on %s', v_table, v_keys, v_t_k)
        when 'now_arrived'  then format('%s r join (select distinct %s from tailrace_new r) k on %s where not exists (select from tailrace_old o where %s)',
                                        v_table, v_keys, v_t_k, v_n_o)
        when 'raw_vanished' then format('(select distinct %s from tailrace_new r) r where not exists (select from %s n where %s)',
                                        v_keys, v_table, v_o_n)
        when 'now_vanished' then format('(select distinct %s from tailrace_old r) r where not exists (select from %s n where %s)',
                                        v_keys, v_table, v_o_n)
    end;
    if v_source is null then
        raise exception 'capture statement "%" is not known', i_kind using errcode = 'TR001';
    end if;

    -- OFFSET 0 keeps the row from being written out twice. A pack ends when the next row would pass the limit; one row is never split. The constant stands for
    -- the cost of a row on its way, so that a pack of tiny rows does not grow beyond some hundred.
    return format(
        $sql$(ev_id, ev_time, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3%9$s)
        select nextval(%1$L), now(), 'row:%2$s', p.d, %3$L, case when p.n > 1 then p.n::text end, %4$L%10$s
          from (select string_agg(g.d, E'"\n') as d, count(*) as n
                  from (select x.d, sum(octet_length(x.d) + %7$s) over (rows unbounded preceding) / %8$s as g
                          from (select %5$s as d from %6$s offset 0) x) g
                 group by g.g order by g.g) p$sql$,
        v_queue.queue_event_seq, v_letter, v_info.table_name, v_relation.relation_id,
        v_payload, v_source, 4, 7400,
        case when v_extra is not null then ', ev_extra4' else '' end,
        case when v_extra is not null then format(', %L', v_extra) else '' end);
end
$$;
