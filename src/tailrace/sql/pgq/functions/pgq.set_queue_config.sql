-- pgq.set_queue_config(queue, parameter, value)
--
-- Purpose: change one setting of a queue.
-- Parameters: i_queue_name   name of the queue
--             i_param_name   column of pgq.queue without "queue_": ticker_max_count,
--                            ticker_max_lag, ticker_idle_period, ticker_paused, rotation_period or
--                            external_ticker
--             i_param_value  new value as text
-- Returns: 1.
-- NULL: in any argument raises TR001.
-- Calls: pgq.require_queue.
-- Tables changed: pgq.queue.

create or replace function pgq.set_queue_config(
    i_queue_name text, i_param_name text, i_param_value text)
returns int4
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_allowed constant text[] := array['ticker_max_count', 'ticker_max_lag',
        'ticker_idle_period', 'ticker_paused', 'rotation_period', 'external_ticker'];
begin
    if i_queue_name is null or i_param_name is null or i_param_value is null then
        raise exception 'setting "%" of queue "%" cannot be set to %: NULL was given',
                coalesce(i_param_name, '<NULL>'), coalesce(i_queue_name, '<NULL>'),
                coalesce(quote_literal(i_param_value), '<NULL>')
            using errcode = 'TR001', hint = 'give queue, setting and value';
    end if;
    perform pgq.require_queue(i_queue_name);
    if i_param_name <> all (v_allowed) then
        raise exception 'setting "%" of queue "%" cannot be changed here',
                i_param_name, i_queue_name
            using errcode = 'TR001',
                hint = 'these can: ' || array_to_string(v_allowed, ', ');
    end if;

    execute format('update pgq.queue set %I = %L where queue_name = %L',
        'queue_' || i_param_name, i_param_value, i_queue_name);
    return 1;
end;
$$;
