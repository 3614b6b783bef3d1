-- A job's whole life from psql, in the database of root "node1". It is that of a program which nobody
-- has started, so it is at rest as soon as it is asked to stop.

select consumer_name, is_placed from tailrace.add_consumer('flow', 'bills');
-->  consumer_name  | is_placed 
--> ----------------+-----------
-->  bills.<…> | t
--> (1 row)

select status, kind, queue, consumer = 'bills.' || left(job_id, 8) as consumer, provider, runner, wanted, drains_to, configuration, restored_from
from tailrace.job_details where job_name = 'bills';
-->  status  |   kind   | queue | consumer | provider | runner | wanted  | drains_to | configuration | restored_from 
--> ---------+----------+-------+----------+----------+--------+---------+-----------+---------------+---------------
-->  CREATED | consumer | flow  | t        | node1    |        | running |           | {}            | 
--> (1 row)

select checkpoint = position as same, status, completed > now() - interval '1 hour' as lately, size
from tailrace.checkpoints where job_name = 'bills';
-->  same |  status   | lately | size 
--> ------+-----------+--------+------
-->  t    | COMPLETED | t      |     
--> (1 row)

select tailrace.drop_job('bills');
--> ERROR:  job "bills" is CREATED; DROP needs one that has ended
--> HINT:  stop it first with: call tailrace.stop_job('bills')

select job_id, savepoint_path from tailrace.request_stop_job('bills');
select status, end_time is not null as ended from tailrace.jobs where job_name = 'bills';
-->               job_id              | savepoint_path 
--> ----------------------------------+----------------
-->  <id> | 
--> (1 row)
--> 
-->   status  | ended 
--> ----------+-------
-->  CANCELED | t
--> (1 row)

select tailrace.drop_job('bills');
select count(*) as jobs from tailrace.jobs where job_name = 'bills';
select count(*) as registrations from pgq.get_consumer_info('flow') where consumer_name like 'bills%';
-->              drop_job             
--> ----------------------------------
-->  <id>
--> (1 row)
--> 
-->  jobs 
--> ------
-->     0
--> (1 row)
--> 
-->  registrations 
--> ---------------
-->              0
--> (1 row)
