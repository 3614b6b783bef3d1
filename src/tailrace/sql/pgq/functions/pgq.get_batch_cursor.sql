-- pgq.get_batch_cursor(batch, cursor, limit [, condition])
--
-- Purpose: open a cursor over the events of a batch and give the first of them. The cursor lives to
--     the end of the transaction; FETCH gives the rest.
-- Parameters: i_batch_id     id of the batch
--             i_cursor_name  name of the cursor
--             i_quick_limit  how many events to give at once; 0 or less: none
--             i_extra_where  SQL condition over the columns of pgq.get_batch_events, as raw text
-- Returns: the first events, in the order of their ids. Raises TR004 when no such batch is open.
-- NULL: in one of the first three: gives nothing and opens nothing; no condition: all events.
-- Calls: pgq.batch_event_sql.

create or replace function pgq.get_batch_cursor(
    i_batch_id bigint, i_cursor_name text, i_quick_limit int4, i_extra_where text,
    out ev_id bigint, out ev_time timestamptz, out ev_txid bigint, out ev_retry int4,
    out ev_type text, out ev_data text,
    out ev_extra1 text, out ev_extra2 text, out ev_extra3 text, out ev_extra4 text)
returns setof record
language plpgsql
as $$
declare
    v_cursor refcursor := i_cursor_name;
    v_sql    text;
begin
    if i_batch_id is null or i_cursor_name is null or i_quick_limit is null then
        return;
    end if;

    v_sql := pgq.batch_event_sql(i_batch_id);
    if i_extra_where is not null then
        -- The line break ends a comment that the condition may end with.
        v_sql := 'select * from (' || v_sql || ') as ev where (' || i_extra_where
            || E'\n) order by ev_id';
    end if;
    open v_cursor no scroll for execute v_sql;
    if i_quick_limit > 0 then
        return query execute pg_catalog.format('fetch %s from %I', i_quick_limit, i_cursor_name);
    end if;
end;
$$;

create or replace function pgq.get_batch_cursor(
    i_batch_id bigint, i_cursor_name text, i_quick_limit int4,
    out ev_id bigint, out ev_time timestamptz, out ev_txid bigint, out ev_retry int4,
    out ev_type text, out ev_data text,
    out ev_extra1 text, out ev_extra2 text, out ev_extra3 text, out ev_extra4 text)
returns setof record
language plpgsql
strict
as $$
begin
    return query select * from pgq.get_batch_cursor(i_batch_id, i_cursor_name, i_quick_limit, null);
end;
$$;
