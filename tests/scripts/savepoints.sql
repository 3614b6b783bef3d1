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

-- several: each form takes the same conditions
set state.savepoints.dir = '<dir>';
select 'call tailrace.create_savepoint(''node2_worker'')' from generate_series(1, 4) \gexec
--> SET
-->  <…>savepoint_path<…>
--> -<…>
-->  <dir>/savepoint-<hex>
--> (1 row)
--> 
-->  <…>savepoint_path<…>
--> -<…>
-->  <dir>/savepoint-<hex>
--> (1 row)
--> 
-->  <…>savepoint_path<…>
--> -<…>
-->  <dir>/savepoint-<hex>
--> (1 row)
--> 
-->  <…>savepoint_path<…>
--> -<…>
-->  <dir>/savepoint-<hex>
--> (1 row)

begin;
select count(*) from tailrace.request_drop_savepoints('node2_worker', older_than => '1 hour');
select count(*) from tailrace.request_drop_savepoints(keep_last => 4);
select count(*) from tailrace.request_drop_savepoints();
select count(*) from tailrace.request_drop_savepoints();
rollback;
--> BEGIN
-->  count 
--> -------
-->      0
--> (1 row)
--> 
-->  count 
--> -------
-->      0
--> (1 row)
--> 
-->  count 
--> -------
-->      4
--> (1 row)
--> 
-->  count 
--> -------
-->      0
--> (1 row)
--> 
--> ROLLBACK

select max(created) as newest from tailrace.savepoints where ownership = 'user' \gset
call tailrace.drop_savepoints('node2_worker', older_than => '0 s', keep_last => 3);
select count(*), max(created) = :'newest' as newest from tailrace.savepoints where ownership = 'user';
-->  <…>savepoint_paths<…>
--> -<…>
-->  {<dir>/savepoint-<hex>}
--> (1 row)
--> 
-->  count | newest 
--> -------+--------
-->      3 | t
--> (1 row)

-- the function forms return at once, and a runner does the rest
select savepoint_path as oldest from tailrace.savepoints where ownership = 'user' order by created limit 1 \gset
select savepoint_path = :'oldest' as asked from tailrace.request_drop_savepoint(:'oldest');
select count(*) from tailrace.request_drop_savepoints('node2_worker', keep_last => 1);
set statement_timeout = '20 s';
do $$
begin
    while exists (select from tailrace.savepoint where state = 'dropping') loop
        perform pg_sleep(0.02);
    end loop;
end $$;
select count(*) from tailrace.savepoints where ownership = 'user';
-->  asked 
--> -------
-->  t
--> (1 row)
--> 
-->  count 
--> -------
-->      1
--> (1 row)
--> 
--> SET
--> DO
-->  count 
--> -------
-->      1
--> (1 row)

call tailrace.drop_savepoints('nobody');
--> ERROR:  there is no job "nobody" in database "<…>"
--> HINT:  list them with: select * from tailrace.jobs

call tailrace.drop_savepoints(keep_last => -1);
--> ERROR:  keep_last is -1; it is a number of savepoints, 0 or more

begin;
call tailrace.drop_savepoints();
rollback;
--> BEGIN
--> ROLLBACK
--> ERROR:  procedure tailrace.drop_savepoints waits, and so cannot be called inside a transaction
--> HINT:  call it outside of one, or record the wish with: select * from tailrace.request_drop_savepoints(…)
