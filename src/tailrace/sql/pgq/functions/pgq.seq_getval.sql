-- pgq.seq_getval(sequence)
--
-- Purpose: look at a sequence without moving it.
-- Parameters: i_seq_name  schema.name; without schema: public.
-- Returns: its last value; of an unused sequence its start.
-- NULL: returns NULL.
-- Calls: pgq.quote_fqname.

create or replace function pgq.seq_getval(i_seq_name text)
returns bigint
language plpgsql
strict
as $$
declare
    v_name  text := pgq.quote_fqname(i_seq_name);
    v_value bigint;
begin
    -- The first form runs without a parser and a planner; it knows nothing of unused sequences.
    v_value := pg_catalog.pg_sequence_last_value(v_name::pg_catalog.regclass);
    if v_value is null then
        execute 'select last_value from ' || v_name into v_value;
    end if;
    return v_value;
end;
$$;
