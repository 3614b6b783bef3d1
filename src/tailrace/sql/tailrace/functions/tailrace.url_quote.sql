create or replace function tailrace.url_quote(
    i_text text
) returns text
language sql immutable as $body$
-- ----------------------------------------------------------------------
-- Function: tailrace.url_quote(1)
--
--      A text as a part of a URL, and so as the name of a directory: all but letters and digits of
--      ASCII and _.~- becomes %XX, byte by byte of UTF-8. The same as Python's urllib.parse.quote.
--
-- Parameters:
--      i_text  - the text
--
-- Returns:
--      the text, quoted
--
-- Tables directly manipulated:
--      none
-- ----------------------------------------------------------------------
    select coalesce(pg_catalog.string_agg(case
        when c.sign collate "C" ~ '^[A-Za-z0-9_.~-]$' then c.sign
        else (
            select pg_catalog.string_agg('%' || pg_catalog.upper(pg_catalog.lpad(
                pg_catalog.to_hex(pg_catalog.get_byte(pg_catalog.convert_to(c.sign, 'UTF8'), b.n)), 2, '0')), '' order by b.n)
            from pg_catalog.generate_series(0, pg_catalog.octet_length(pg_catalog.convert_to(c.sign, 'UTF8')) - 1) as b (n))
        end, '' order by c.n), '')
    from pg_catalog.regexp_split_to_table(i_text, '') with ordinality as c (sign, n)
$body$;

comment on function tailrace.url_quote(text) is 'a text as a part of a URL';
