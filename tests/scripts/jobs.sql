-- Jobs from psql: everything that a person can do with a job, in the database of leaf "node2".
-- What psql prints stands behind "-->"; <id> is an id of 32 digits, <…> anything on that line.

select job_name, status, engine, kind, node, end_time, statement, error from tailrace.jobs;
-->    job_name   | status  |  engine  |  kind  | node  | end_time | statement | error 
--> --------------+---------+----------+--------+-------+----------+-----------+-------
-->  node2_worker | RUNNING | postgres | worker | node2 |          |           | 
--> (1 row)

select job_id, start_time is not null as started, position::bigint > 0 as placed, duration > '0' as old
from tailrace.jobs;
-->               job_id              | started | placed | old 
--> ----------------------------------+---------+--------+-----
-->  <id> | t       | t      | t
--> (1 row)

select from_kind, from_node, from_name, to_kind, to_name from tailrace.lineage;
-->  from_kind | from_node | from_name | to_kind |   to_name    
--> -----------+-----------+-----------+---------+--------------
-->  queue     | node1     | flow      | job     | node2_worker
--> (1 row)

-- stopping waits until the runner has acknowledged it
call tailrace.stop_job('node2_worker');
--> CALL

select status, end_time is not null as ended from tailrace.jobs;
-->   status  | ended 
--> ----------+-------
-->  CANCELED | t
--> (1 row)

call tailrace.stop_job('node2_worker');
--> ERROR:  job "node2_worker" is CANCELED; STOP needs one that has not ended
--> HINT:  start it again with: call tailrace.start_job('node2_worker')

call tailrace.start_job('node2_worker');
--> CALL

select status from tailrace.jobs;
--> <…>status<…>
--> ---------
-->  RUNNING
--> (1 row)

-- by the beginning of its id
select format('call tailrace.stop_job(%L)', left(job_id, 6)) from tailrace.jobs \gexec
--> CALL

select job_id from tailrace.request_start_job('node2_worker');
-->               job_id              
--> ----------------------------------
-->  <id>
--> (1 row)

call tailrace.stop_job('node2_worker', with_drain => true);
--> CALL

select status from tailrace.jobs;
-->   status  
--> ----------
-->  FINISHED
--> (1 row)

-- the function form may stand in a transaction, and is undone with it
begin;
select count(*) from tailrace.request_start_job('node2_worker');
rollback;
select status from tailrace.jobs;
--> BEGIN
-->  count 
--> -------
-->      1
--> (1 row)
--> 
--> ROLLBACK
-->   status  
--> ----------
-->  FINISHED
--> (1 row)

begin;
call tailrace.start_job('node2_worker');
rollback;
--> BEGIN
--> ROLLBACK
--> ERROR:  procedure tailrace.start_job waits, and so cannot be called inside a transaction
--> HINT:  call it outside of one, or record the wish with: select * from tailrace.request_start_job(…)

call tailrace.start_job('node2_worker', timeout => '30 s');
--> CALL

select * from tailrace.request_stop_job('node2_worker', with_savepoint => true);
--> ERROR:  no directory for savepoints is set
--> HINT:  set one with SET state.savepoints.dir = <…>

select tailrace.drop_job('node2_worker');
--> ERROR:  job "node2_worker" belongs to node "node2" of queue "flow" and goes with it
--> HINT:  remove the node with: tailrace --queue flow drop-node node2

-- the function form returns before the runner has heard of it
select job_id, savepoint_path from tailrace.request_stop_job('node2_worker');
set statement_timeout = '20 s';
do $$
begin
    while exists (select from tailrace.jobs where status <> 'CANCELED') loop
        perform pg_sleep(0.02);
    end loop;
end $$;
select status, end_time is not null as ended from tailrace.jobs;
-->               job_id              | savepoint_path 
--> ----------------------------------+----------------
-->  <id> | 
--> (1 row)
--> 
--> SET
--> DO
-->   status  | ended 
--> ----------+-------
-->  CANCELED | t
--> (1 row)

call tailrace.stop_job('nobody');
--> ERROR:  there is no job "nobody" in database "<…>"
--> HINT:  list them with: select * from tailrace.jobs

select tailrace.find_job('abc');
--> ERROR:  there is no job "abc" in database "<…>"
--> HINT:  to name a job by its id, give at least 6 of its 32 digits
