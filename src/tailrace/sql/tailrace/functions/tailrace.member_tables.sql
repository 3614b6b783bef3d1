create or replace function tailrace.member_tables(i_table regclass)
returns setof regclass
language sql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.member_tables(1)
--
--      The table itself and everything below it: partitions at any depth.
-- ----------------------------------------------------------------------
    with recursive member(oid) as (
        select i_table::oid
        union
        select i.inhrelid from member m join pg_catalog.pg_inherits i on i.inhparent = m.oid
    )
    select m.oid::regclass from member m
$$;
