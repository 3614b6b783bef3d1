-- Savepoints from psql: leaf "node2" is served; its runner writes and reads the files.

select tailrace.request_savepoint('node2_worker');
--> ERROR:  no directory for savepoints is set
--> HINT:  set one with SET state.savepoints.dir = <…>

-- for the session, the role or the database
set state.savepoints.dir = '<dir>';
select job_id, savepoint_path from tailrace.request_savepoint('node2_worker');
--> SET
-->               job_id              | <…>savepoint_path<…>
--> ----------------------------------+-<…>
-->  <id> | <dir>/savepoint-<hex>
--> (1 row)

set state.savepoints.dir = '<dir>';
call tailrace.create_savepoint('node2_worker');
--> SET
-->  <…>savepoint_path<…>
--> -<…>
-->  <dir>/savepoint-<hex>
--> (1 row)

select job_name, kind, queue, node, ownership, held_by, position > 0 as placed, size > 0 as filled, row_count,
    absent_tables
from tailrace.savepoints order by created desc limit 1;
-->    job_name   |  kind  | queue | node  | ownership | held_by | placed | filled | row_count | absent_tables 
--> --------------+--------+-------+-------+-----------+---------+--------+--------+-----------+---------------
-->  node2_worker | worker | flow  | node2 | user      | node1   | t      | t      |         3 | {}
--> (1 row)

call tailrace.stop_job('node2_worker', with_savepoint => true, with_drain => true, directory => '<dir>');
--> CALL
--> NOTICE:  savepoint: <dir>/savepoint-<hex>

select status from tailrace.jobs;
-->   status  
--> ----------
-->  FINISHED
--> (1 row)

select format('call tailrace.start_job(%L, from_savepoint => %L, claim => true)', job_name, savepoint_path)
from tailrace.savepoints order by created desc limit 1 \gexec
--> CALL

select ownership, count(*) from tailrace.savepoints group by 1 order by 1;
-->  ownership | count 
--> -----------+-------
-->  job       |     1
-->  user      |     2
--> (2 rows)

select format('call tailrace.drop_savepoint(%L)', savepoint_path) from tailrace.savepoints where ownership = 'job' \gexec
--> ERROR:  savepoint "<dir>/savepoint-<hex>" is owned by job "node2_worker", which started from it with CLAIM
--> HINT:  the job drops it by itself when it has a newer one: CREATE SAVEPOINT FOR JOB 'node2_worker'

select format('call tailrace.drop_savepoint(%L)', savepoint_path) from tailrace.savepoints where ownership = 'user' \gexec
--> CALL
--> CALL

select count(*) from tailrace.savepoints;
-->  count 
--> -------
-->      1
--> (1 row)

call tailrace.drop_savepoint('<dir>/nothing');
--> ERROR:  there is no savepoint "<dir>/nothing" in database <…>
--> HINT:  list them with: select * from tailrace.savepoints

call tailrace.start_job('node2_worker', from_savepoint => '<dir>/nothing');
--> ERROR:  job "node2_worker" is RUNNING; START needs one that has ended or is SUSPENDED
--> HINT:  stop it first with: call tailrace.stop_job('node2_worker')

call tailrace.stop_job('node2_worker');
call tailrace.start_job('node2_worker', from_savepoint => '<dir>/nothing');
--> CALL
--> ERROR:  the job cannot be started from savepoint "<dir>/nothing": there is no savepoint <…>

select status from tailrace.jobs;
-->   status  
--> ----------
-->  CANCELED
--> (1 row)
