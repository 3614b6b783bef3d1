-- Who may do what in schema pgq_node. Run last, and again after each upgrade. A role that could not
-- be created here (see pgq/roles.sql) is left out.

grant usage on schema pgq_node to public;

-- Everything is closed first, so that the building blocks stay internal and an upgrade starts from a known state.
revoke all on all functions in schema pgq_node from public;

grant execute on function
    pgq_node.is_root_node(text),
    pgq_node.is_leaf_node(text),
    pgq_node.version()
to public;

do $$
declare
    v_role  text;
    v_right text;
begin
    for v_role, v_right in
        select r.role_name, rights.what
          from (values
            -- Provider side: what a node that reads from here calls, and what shows the state.
            ('pgq_reader pgq_writer pgq_admin', 'function pgq_node.register_subscriber(text, text, text, bigint)'),
            ('pgq_reader pgq_writer pgq_admin', 'function pgq_node.unregister_subscriber(text, text)'),
            ('pgq_reader pgq_writer pgq_admin', 'function pgq_node.set_subscriber_watermark(text, text, bigint)'),
            ('pgq_reader pgq_writer pgq_admin', 'function pgq_node.get_subscriber_info(text)'),
            ('pgq_reader pgq_writer pgq_admin', 'function pgq_node.get_node_info(text)'),
            ('pgq_reader pgq_writer pgq_admin', 'function pgq_node.get_queue_locations(text)'),
            ('pgq_reader pgq_writer pgq_admin', 'function pgq_node.get_consumer_info(text)'),
            ('pgq_reader pgq_writer pgq_admin', 'function pgq_node.get_consumer_state(text, text)'),

            -- Target side: what a consumer that writes into this node calls.
            ('pgq_writer pgq_admin', 'function pgq_node.register_consumer(text, text, text, bigint)'),
            ('pgq_writer pgq_admin', 'function pgq_node.unregister_consumer(text, text)'),
            ('pgq_writer pgq_admin', 'function pgq_node.set_consumer_completed(text, text, bigint)'),
            ('pgq_writer pgq_admin', 'function pgq_node.set_consumer_error(text, text, text)'),
            ('pgq_writer pgq_admin', 'function pgq_node.set_consumer_paused(text, text, boolean)'),
            ('pgq_writer pgq_admin', 'function pgq_node.set_consumer_uptodate(text, text, boolean)'),
            ('pgq_writer pgq_admin', 'function pgq_node.change_consumer_provider(text, text, text)'),

            -- Worker, node, locations, maintenance.
            ('pgq_admin', 'function pgq_node.get_worker_state(text)'),
            ('pgq_admin', 'function pgq_node.set_global_watermark(text, bigint)'),
            ('pgq_admin', 'function pgq_node.set_partition_watermark(text, text, bigint)'),
            ('pgq_admin', 'function pgq_node.create_node(text, text, text, text, text, bigint, text)'),
            ('pgq_admin', 'function pgq_node.drop_node(text, text)'),
            ('pgq_admin', 'function pgq_node.demote_root(text, integer, text)'),
            ('pgq_admin', 'function pgq_node.promote_branch(text)'),
            ('pgq_admin', 'function pgq_node.set_node_attrs(text, text)'),
            ('pgq_admin', 'function pgq_node.register_location(text, text, text, boolean)'),
            ('pgq_admin', 'function pgq_node.unregister_location(text, text)'),
            ('pgq_admin', 'function pgq_node.maint_watermark(text)'),
            ('pgq_admin', 'function pgq_node.upgrade_schema()'),

            ('pgq_reader pgq_writer', 'all tables in schema pgq_node'),
            ('pgq_admin', 'all tables in schema pgq_node')
          ) as rights (roles, what)
         cross join lateral pg_catalog.unnest(pg_catalog.string_to_array(rights.roles, ' ')) as r (role_name)
          join pg_catalog.pg_roles p on p.rolname = r.role_name
    loop
        execute pg_catalog.format('grant %s on %s to %I',
                                  case when v_right like 'function %' then 'execute'
                                       when v_role = 'pgq_admin' then 'select, insert, update, delete'
                                       else 'select' end,
                                  v_right, v_role);
    end loop;
end;
$$;
