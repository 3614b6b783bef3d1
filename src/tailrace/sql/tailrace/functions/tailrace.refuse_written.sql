create or replace function tailrace.refuse_written(i_queue_name text, i_dest_table text)
returns void
language plpgsql stable
as $$
-- ----------------------------------------------------------------------
-- Function: tailrace.refuse_written(2)
--
--      A cascade cannot replicate what a SQL job of the same database
--      writes: on the root other nodes would get rows of a job that they
--      may have themselves, elsewhere two would write the same table.
--
-- Parameters:
--      i_queue_name    queue that the table is to be added to
--      i_dest_table    local name, schema.table
-- Raises:
--      TR009 naming the job; never for the queue tailrace.local
-- ----------------------------------------------------------------------
declare
    v_job text;
begin
    select j.job_name into v_job
    from tailrace.job_relation as r
    join tailrace.job as j on j.job_id = r.job_id
    where r.direction = 'writes' and r.relation = i_dest_table and i_queue_name <> 'tailrace.local'
        -- files that are loaded on the root reach the other nodes like any other row
        and not (j.kind = 'import' and exists (
            select 1 from pgq_node.node_info as n
            where n.queue_name = i_queue_name and n.node_type = 'root'))
    limit 1;
    if found then
        raise exception using errcode = 'TR009',
            message = pg_catalog.format('table "%s" is written by job "%s" and cannot be replicated by queue "%s"',
                i_dest_table, v_job, i_queue_name),
            hint = pg_catalog.format('drop the job first: DROP JOB %L', v_job);
    end if;
end
$$;
