create or replace function tailrace.apply_staged(
    i_plan    jsonb,
    i_kind    text,
    i_written bigint,
    i_deleted bigint,
    out inserted       bigint,
    out updated        bigint,
    out deleted        bigint,
    out missed_updates bigint,
    out missed_deletes bigint,
    out redone         boolean
)
language plpgsql as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.apply_staged(4)
--
--      Take the staged rows of one table into it: deletes first, then updates, then inserts.
--      Where values of another unique key travel between rows no such order works; then
--      everything is done again as delete and insert.
--
-- Parameters:
--      i_plan     - what tailrace.apply_plan returned
--      i_kind     - what is staged: insert, update or delete (nothing but these), or write
--                   (any mixture; rows carry event id and operation)
--      i_written  - number of staged rows of inserts and updates
--      i_deleted  - number of staged rows of deletes
--
-- Returns:
--      final rows (a key counts once) by what became of them
--        missed_updates  - updates that met no row; they were inserted and count there, too
--        missed_deletes  - deletes that met no row although there should have been one
--        redone          - the second way was taken
--
-- Calls:
--      tailrace.choose_plans, tailrace.delete_staged, tailrace.write_staged,
--      tailrace.apply_again
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
begin
    inserted := 0; updated := 0; deleted := 0; missed_updates := 0; missed_deletes := 0; redone := false;
    perform tailrace.choose_plans(i_plan);

    if i_kind = 'insert' then
        -- nothing here could make room for a row that is refused
        execute i_plan ->> 'only_insert';
        get diagnostics inserted = row_count;
        return;
    end if;

    begin
        if i_deleted > 0 then
            select d.deleted, d.missed into deleted, missed_deletes
            from tailrace.delete_staged(i_plan, i_kind, i_deleted) as d;
        end if;
        if i_written > 0 and (i_plan ->> 'again')::boolean then
            raise unique_violation;
        elsif i_written > 0 then
            select w.inserted, w.updated, w.missed into inserted, updated, missed_updates
            from tailrace.write_staged(i_plan, i_kind, i_written) as w;
        end if;
    exception when unique_violation or exclusion_violation then
        redone := true;
    end;
    if redone then
        select a.inserted, a.updated, a.deleted, a.missed_updates, a.missed_deletes
        into inserted, updated, deleted, missed_updates, missed_deletes
        from tailrace.apply_again(i_plan, i_deleted) as a;
    end if;
end;
$body$;

comment on function tailrace.apply_staged(jsonb, text, bigint, bigint) is
    'takes the staged rows of one table into it';
