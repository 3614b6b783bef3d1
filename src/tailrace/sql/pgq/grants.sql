-- Who may do what in schema pgq, as data. Roles that could not be made are left out: see roles.sql.
--
-- public      look at queues, consumers and their state
-- pgq_reader  register and consume
-- pgq_writer  insert events
-- pgq_admin   everything, and member of the other two

do $$
declare
    v_grant record;
begin
    revoke execute on all functions in schema pgq from public;

    for v_grant in
        select w.what, w.who
        from (values
            ('usage on schema pgq', 'public'),

            -- tables
            ('select on pgq.consumer, pgq.queue, pgq.tick, pgq.subscription', 'public'),
            ('select on pgq.consumer, pgq.queue, pgq.tick, pgq.subscription', 'pgq_reader'),
            ('select on pgq.event_template', 'pgq_reader'),
            ('select, insert, update, delete on'
                ' pgq.consumer, pgq.queue, pgq.tick, pgq.subscription, pgq.retry_queue',
                'pgq_admin'),
            ('select, insert, truncate on pgq.event_template', 'pgq_admin'),

            -- information
            ('execute on function pgq.version()', 'public'),
            ('execute on function pgq.quote_fqname(text)', 'public'),
            ('execute on function pgq.seq_getval(text)', 'public'),
            ('execute on function pgq.require_queue(text)', 'public'),
            ('execute on function pgq.get_queue_info()', 'public'),
            ('execute on function pgq.get_queue_info(text)', 'public'),
            ('execute on function pgq.get_consumer_info()', 'public'),
            ('execute on function pgq.get_consumer_info(text)', 'public'),
            ('execute on function pgq.get_consumer_info(text, text)', 'public'),

            -- consuming
            ('execute on function pgq.force_tick(text)', 'pgq_reader'),
            ('execute on function pgq.register_consumer(text, text)', 'pgq_reader'),
            ('execute on function pgq.register_consumer_at(text, text, bigint)', 'pgq_reader'),
            ('execute on function pgq.unregister_consumer(text, text)', 'pgq_reader'),
            ('execute on function pgq.next_batch(text, text)', 'pgq_reader'),
            ('execute on function pgq.next_batch_info(text, text)', 'pgq_reader'),
            ('execute on function pgq.next_batch_custom(text, text, interval, int4, interval)',
                'pgq_reader'),
            ('execute on function pgq.batch_event_sql(bigint)', 'pgq_reader'),
            ('execute on function pgq.tick_range_sql(int4, int4, bigint, bigint)', 'pgq_reader'),
            ('execute on function pgq.tick_range_txids(txid_snapshot, txid_snapshot)',
                'pgq_reader'),
            ('execute on function pgq.tick_range_tables(pgq.queue, txid_snapshot, txid_snapshot)',
                'pgq_reader'),
            ('execute on function pgq.raise_lost_position(int4, bigint, text)', 'pgq_reader'),
            ('execute on function pgq.get_batch_events(bigint)', 'pgq_reader'),
            ('execute on function pgq.get_batch_cursor(bigint, text, int4)', 'pgq_reader'),
            ('execute on function pgq.get_batch_cursor(bigint, text, int4, text)', 'pgq_reader'),
            ('execute on function pgq.get_batch_info(bigint)', 'pgq_reader'),
            ('execute on function pgq.event_retry(bigint, bigint, timestamptz)', 'pgq_reader'),
            ('execute on function pgq.event_retry(bigint, bigint, int4)', 'pgq_reader'),
            ('execute on function pgq.batch_retry(bigint, int4)', 'pgq_reader'),
            ('execute on function pgq.finish_batch(bigint)', 'pgq_reader'),

            -- producing
            ('execute on function pgq.insert_event(text, text, text)', 'pgq_writer'),
            ('execute on function pgq.insert_event(text, text, text, text, text, text, text)',
                'pgq_writer'),
            ('execute on function pgq.current_event_table(text)', 'pgq_writer'),
            ('execute on function pgq.refuse_stale_queue(int4)', 'pgq_writer'),
            ('execute on function pgq.refuse_disabled_queue(text)', 'pgq_writer'),

            -- administration and maintenance
            ('execute on all functions in schema pgq', 'pgq_admin')
        ) as w (what, who)
        where w.who = 'public'
            or exists (select 1 from pg_catalog.pg_roles r where r.rolname = w.who)
    loop
        execute pg_catalog.format('grant %s to %s', v_grant.what, v_grant.who);
    end loop;
end;
$$;
