-- pgq.seq_setval(sequence, value)
--
-- Purpose: move a sequence forward, never back. Not meant for a sequence that others draw from at
--     the same moment: between looking and setting they could be overtaken.
-- Parameters: i_seq_name   schema.name; without schema: public
--             i_new_value  value that has been used; the next one is above it
-- Returns: last value of the sequence afterwards.
-- NULL: returns NULL and changes nothing.
-- Calls: pgq.quote_fqname, pgq.seq_getval.

create or replace function pgq.seq_setval(i_seq_name text, i_new_value bigint)
returns bigint
language plpgsql
strict
as $$
begin
    if i_new_value > pgq.seq_getval(i_seq_name) then
        perform pg_catalog.setval(pgq.quote_fqname(i_seq_name)::pg_catalog.regclass, i_new_value);
    end if;
    return pgq.seq_getval(i_seq_name);
end;
$$;
