-- Statements as docs/reference/statements.md shows them, in the database of root "node1", with what
-- tailrace sql prints behind "-->". <id> is an id of 32 digits, <path> the path of a savepoint (in a
-- statement: of the newest one), <time> a time, <…> anything. How wide columns are does not matter.

SHOW JOBS;
-->  job id | job name     | status  | start time | end time
--> --------+--------------+---------+------------+----------
-->  <id>   | node2_worker | RUNNING | <time>     |
-->  <id>   | node1_worker | RUNNING | <time>     |
--> (2 rows)

CREATE JOB revenue WITH ('initial' = 'snapshot') AS $$
    INSERT INTO revenue AS r
    SELECT day, sum(_weight), sum(amount * _weight) FROM changes.orders GROUP BY day
    ON CONFLICT (day) DO UPDATE SET n = r.n + excluded.n, total = r.total + excluded.total;
    DELETE FROM revenue WHERE n = 0
$$;
-->  job id
--> --------
-->  <id>
--> (1 row)

\x on
DESCRIBE JOB 'node2_worker';
--> -[ 1 ]---------
--> job id        | <id>
--> job name      | node2_worker
--> status        | RUNNING
--> start time    | <time>
--> end time      |
--> engine        | postgres
--> kind          | worker
--> node          | node2
--> lag           | <…>
--> position      | <…>
--> duration      | <…>
--> statement     |
--> error         |
--> queue         | flow
--> consumer      | node2_worker
--> provider      | node1
--> runner        | <…>
--> created       | <time>
--> wanted        | running
--> drains to     |
--> configuration | {}
--> restored from |
--> (1 row)

CREATE SAVEPOINT FOR JOB 'revenue';
-->  savepoint path
--> ----------------
-->  <path>
--> (1 row)

SHOW SAVEPOINTS;
-->  savepoint path | job id | position | created | size | pinned events | ownership
--> ----------------+--------+----------+---------+------+---------------+-----------
-->  <path>         | <id>   | <…>      | <time>  | <…>  | <…>           | user
--> (1 row)

SHOW CHECKPOINTS FOR JOB 'revenue';
-->  checkpoint | position | status    | completed | size
--> ------------+----------+-----------+-----------+------
-->  <…>        | <…>      | COMPLETED | <time>    |
--> (1 row)

INSERT INTO orders VALUES (4, '2026-01-02', 40);
STOP JOB 'revenue' WITH SAVEPOINT WITH DRAIN;
TABLE revenue;
--> INSERT 0 1
-->  savepoint path
--> ----------------
-->  <path>
--> (1 row)
-->  day        | n | total
--> ------------+---+-------
-->  2026-01-01 | 2 |    30
-->  2026-01-02 | 2 |    70
--> (2 rows)

START JOB 'revenue' FROM SAVEPOINT '<path>';
-->  job id
--> --------
-->  <id>
--> (1 row)

SHOW JOBTREE 'revenue';
-->  name                    | kind  | job id | status
--> -------------------------+-------+--------+---------
-->  revenue                 | job   | <id>   | RUNNING
-->  └─ node1/public.revenue | table |        |
--> (2 rows)

SHOW JOBTREES;
-->  name                          | kind  | job id | status
--> -------------------------------+-------+--------+---------
-->  node1/public.orders           | table |        |
-->  └─ node1/flow                 | queue |        |
-->     ├─ node1_worker            | job   | <id>   | RUNNING
-->     ├─ node2_worker            | job   | <id>   | RUNNING
-->     │  └─ node2/public.orders  | table |        | live
-->     └─ revenue                 | job   | <id>   | RUNNING
-->        └─ node1/public.revenue | table |        |
--> (7 rows)

SHOW ANCESTORS 'node2_worker';
-->  name                      | kind  | job id | status
--> ---------------------------+-------+--------+---------
-->  node2_worker              | job   | <id>   | RUNNING
-->  └─ node1/flow             | queue |        |
-->     └─ node1/public.orders | table |        |
--> (3 rows)

SHOW NODES;
-->  queue | node  | type | provider | lag | tick | local watermark | global watermark | held by | state
--> -------+-------+------+----------+-----+------+-----------------+------------------+---------+-------
-->  flow  | node1 | root |          | <…> | <…>  | <…>             | <…>              | <…>     | ok
-->  flow  | node2 | leaf | node1    | <…> | <…>  |                 |                  |         | ok
--> (2 rows)

SHOW QUEUES;
-->  queue | node  | type | last tick | ticker lag | events per second | new events | consumers
--> -------+-------+------+-----------+------------+-------------------+------------+-----------
-->  flow  | node1 | root | <…>       | <…>        | <…>               | <…>        |         6
--> (1 row)

SHOW CONSUMERS FOR QUEUE 'flow';
-->  queue | consumer         | lag | last seen | last tick | current batch | pending events
--> -------+------------------+-----+-----------+-----------+---------------+----------------
-->  flow  | .global_watermark | <…> | <…>      | <…>       |               | <…>
-->  flow  | .node2.watermark | <…> | <…>       | <…>       |               | <…>
-->  flow  | .savepoint.<…>   | <…> | <…>       | <…>       |               | <…>
-->  flow  | .savepoint.<…>   | <…> | <…>       | <…>       |               | <…>
-->  flow  | node2_worker     | <…> | <…>       | <…>       |               | <…>
-->  flow  | revenue.<…>      | <…> | <…>       | <…>       |               | <…>
--> (6 rows)

STOP JOB 'revenue';
-->  result
--> --------
-->  OK
--> (1 row)

START JOB 'revenue';
-->  job id
--> --------
-->  <id>
--> (1 row)

STOP JOB 'revenue' WITH DRAIN;
-->  result
--> --------
-->  OK
--> (1 row)

DROP SAVEPOINTS FOR JOB 'revenue' KEEP LAST 1;
-->  savepoint path
--> ----------------
-->  <path>
--> (1 row)

DROP SAVEPOINT '<path>';
-->  result
--> --------
-->  OK
--> (1 row)

DROP SAVEPOINT ALL;
-->  savepoint path
--> ----------------
--> (0 rows)

DROP JOB 'revenue';
-->  result
--> --------
-->  OK
--> (1 row)

DROP JOB 'node2_worker';
--> error: job "node2_worker" belongs to node "node2" of queue "flow" and goes with it; remove the node with: tailrace --queue flow drop-node node2

SHOW SAVEPOINTS FRO JOB 'revenue';
--> error: line 1, column 17: found FRO, expected FOR JOB or the end of the statement
--> SHOW SAVEPOINTS FRO JOB 'revenue';
-->                 ^

SET 'tailrace.timeout' = '2min';
SET;
-->  result
--> --------
-->  OK
--> (1 row)
-->  key                  | value    | purpose
--> ----------------------+----------+---------
-->  state.savepoints.dir | <…>      | <…>
-->  <…>
-->  tailrace.timeout     | 2min     | how long STOP and START wait
-->  <…>

RESET 'tailrace.timeout';
-->  result
--> --------
-->  OK
--> (1 row)

HELP STOP;
-->  statement                                      | purpose
--> ------------------------------------------------+---------
-->  STOP JOB '<job>' [WITH SAVEPOINT] [WITH DRAIN] | stop a job, with an image of it, after all that was committed before
--> (1 row)
