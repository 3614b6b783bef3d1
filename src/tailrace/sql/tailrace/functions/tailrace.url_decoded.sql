create or replace function tailrace.url_decoded(
    i_text text
) returns text
language sql immutable strict as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.url_decoded(1)
--
--      Undo the encoding of one value of a URL-encoded dictionary: plus signs are blanks, percent
--      signs and two hex digits are bytes of UTF-8.
--
-- Parameters:
--      i_text  - encoded value
--
-- Returns:
--      the value; NULL for NULL. Raises when the bytes are not UTF-8.
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select coalesce(pg_catalog.convert_from(pg_catalog.string_agg(
        case
            when p.found[1] is not null then pg_catalog.decode(p.found[1], 'hex')
            else pg_catalog.convert_to(p.found[2], 'UTF8')
        end, ''::bytea order by p.number), 'UTF8'), '')
    from pg_catalog.regexp_matches(
        pg_catalog.replace(i_text, '+', ' '), '%([0-9A-Fa-f]{2})|([^%]+|%)', 'g')
        with ordinality as p (found, number);
$body$;

comment on function tailrace.url_decoded(text) is
    'undoes the URL encoding of one value';
