-- Who may do what in schema pgq_coop, as data: a reader of queues may share its work.

do $$
declare
    v_grant record;
begin
    revoke execute on all functions in schema pgq_coop from public;

    for v_grant in
        select w.what, w.who
        from (values
            ('usage on schema pgq_coop', 'public'),
            ('execute on function pgq_coop.version()', 'public'),
            ('execute on function pgq_coop.register_subconsumer(text, text, text)', 'pgq_reader'),
            ('execute on function pgq_coop.unregister_subconsumer(text, text, text, int4)', 'pgq_reader'),
            ('execute on function pgq_coop.next_batch(text, text, text)', 'pgq_reader'),
            ('execute on function pgq_coop.next_batch(text, text, text, interval)', 'pgq_reader'),
            ('execute on function pgq_coop.next_batch_custom(text, text, text, interval, int4, interval)',
                'pgq_reader'),
            ('execute on function pgq_coop.next_batch_custom(text, text, text, interval, int4, interval,'
                ' interval)', 'pgq_reader'),
            ('execute on function pgq_coop.finish_batch(bigint)', 'pgq_reader'),
            ('execute on all functions in schema pgq_coop', 'pgq_admin')
        ) as w (what, who)
        where w.who = 'public'
            or exists (select 1 from pg_catalog.pg_roles r where r.rolname = w.who)
    loop
        execute pg_catalog.format('grant %s to %s', v_grant.what, v_grant.who);
    end loop;
end;
$$;
