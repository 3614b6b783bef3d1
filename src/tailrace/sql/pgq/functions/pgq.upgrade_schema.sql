-- pgq.upgrade_schema()
--
-- Purpose: bring tables and roles up to date. Here the numbered migrations of `tailrace install`
--     do that work, so that a fresh and an upgraded schema cannot differ; scripts written for PgQ
--     call this function and learn that nothing was left to do.
-- Returns: number of changes made, always 0; never NULL.

create or replace function pgq.upgrade_schema()
returns int4
language sql
as $$
    select 0;
$$;
