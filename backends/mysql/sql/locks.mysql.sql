-- probe: locks   lane: fast   every: 1s   timeout: 800ms   rows: 12000
-- versions: mysql 8.0.22-9.7
-- needs: PROCESS, SELECT on performance_schema | else: who waits for whom is unknown
-- when: pulse.lock_waiters > 0
-- column: queue label key · kind label · object label · id count key · gid label · held bool key · place count
-- column: mode label key · waiting_ms duration · blockers label · likely bool
--
-- One row an entry of a queue that has a waiter. Rows: INNODB_TRX names who waits for which lock; data_locks is
-- asked by lock id, data_lock_waits by thread: what else is locked does not matter. And that only for some: a pair for every
-- lock that is ahead makes 405,450 of 900 waiters on one row. So all of it is read only when the waiters of each
-- record, squared and summed, are few (as 100 on one row); else the longest of each mode is asked: whom it waits
-- for and who does not wait holds it. INNODB_TRX is a copy of a moment ago: whose lock is gone, or granted, does
-- not wait any more.
-- Metadata: entries of objects somebody waits for. An exclusive request goes before the others whenever it came,
-- so `place` goes by the server's priorities first. Who waits for tables to be flushed waits for whoever has been
-- using any since before: likely. With performance_schema off the waiters are all that is known.
-- Before 8.0.37 reading the two data_ tables can stop the server (bugs 111082, 112035): the driver opens the
-- sections waits{ … }waits from there on, or when somebody insists by asking on the lane for actions.
WITH statements AS (
     SELECT s.THREAD_ID AS thread_id, MAX(s.TIMER_START) AS began,
            MAX(IF(s.END_EVENT_ID IS NULL, s.TIMER_WAIT, NULL)) DIV 1000000000 AS running_ms
       FROM performance_schema.events_statements_current s
      GROUP BY s.THREAD_ID
), trx AS (
     SELECT x.trx_id AS trx_id, x.trx_mysql_thread_id AS id, x.trx_requested_lock_id AS lock_id,
            x.trx_wait_started AS since
       FROM information_schema.INNODB_TRX x
), waiting AS (
     SELECT x.id, x.lock_id, x.since,
            LOCATE(':', x.lock_id, LOCATE(':', x.lock_id) + 1) AS head,
            LOCATE(':', REVERSE(x.lock_id)) AS tail
       FROM trx x
      WHERE x.lock_id IS NOT NULL
), gate AS (
     SELECT NOT @@performance_schema /*early{ OR TRUE }early*/ AS closed
), wanted AS (
     SELECT NULL AS lock_id, NULL AS thread_id, NULL AS mode, NULL AS lock_type, NULL AS object FROM DUAL WHERE FALSE
     /*waits{
     UNION ALL
     SELECT w.lock_id, d.THREAD_ID, d.LOCK_MODE, d.LOCK_TYPE,
            CONCAT(CONCAT_WS('.', d.OBJECT_SCHEMA, d.OBJECT_NAME, d.INDEX_NAME),
                   IF(d.LOCK_DATA LIKE 'supremum%', ' (after the last row)', ''))
       FROM waiting w
       JOIN performance_schema.data_locks d ON d.ENGINE_LOCK_ID = w.lock_id
      WHERE d.LOCK_STATUS = 'WAITING'
     }waits*/
), timed AS (
     SELECT w.id, w.lock_id, w.since, d.thread_id, d.mode, d.lock_type, d.object,
            SUBSTRING(w.lock_id, w.head + 1, CHAR_LENGTH(w.lock_id) - w.tail - w.head) AS record,
            s.began, s.running_ms,
            GREATEST(TIMESTAMPDIFF(SECOND, w.since, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), 0) AS seconds
       FROM waiting w
       LEFT JOIN wanted d ON d.lock_id = w.lock_id
       LEFT JOIN statements s ON s.thread_id = d.thread_id
      WHERE d.lock_id IS NOT NULL OR (SELECT g.closed FROM gate g)
), ranked AS (
     SELECT t.id, t.lock_id, t.since, t.thread_id, t.mode, t.lock_type, t.record, t.object, t.began, t.running_ms,
            t.seconds,
            COUNT(*) OVER (PARTITION BY t.record) AS n,
            ROW_NUMBER() OVER (PARTITION BY t.record, t.mode ORDER BY t.since, t.began, t.id) AS of_mode,
            ROW_NUMBER() OVER (PARTITION BY t.record ORDER BY t.since, t.began, t.id) AS place
       FROM timed t
), pairs AS (
     SELECT NULL AS record, NULL AS waiter, NULL AS n, NULL AS lock_id, NULL AS trx_id FROM DUAL WHERE FALSE
     /*waits{
     UNION ALL
     SELECT r.record, r.id, r.n, q.lock_id, q.trx_id
       FROM (SELECT l.REQUESTING_ENGINE_LOCK_ID AS wanted, l.BLOCKING_ENGINE_LOCK_ID AS lock_id,
                    l.BLOCKING_ENGINE_TRANSACTION_ID AS trx_id
               FROM performance_schema.data_lock_waits l
              WHERE (SELECT SUM(r.n) FROM ranked r) <= 10000
              LIMIT 20000) q
       JOIN ranked r ON r.lock_id = q.wanted
      UNION ALL
     SELECT r.record, r.id, NULL, q.BLOCKING_ENGINE_LOCK_ID, q.BLOCKING_ENGINE_TRANSACTION_ID
       FROM ranked r
       JOIN performance_schema.data_lock_waits q ON q.REQUESTING_THREAD_ID = r.thread_id
      WHERE r.of_mode = 1 AND (SELECT SUM(r.n) FROM ranked r) > 10000
     }waits*/
), named AS (
     SELECT p.record, p.waiter, GROUP_CONCAT(DISTINCT COALESCE(b.id, -1) SEPARATOR ' ') AS ids
       FROM pairs p
       LEFT JOIN trx b ON b.trx_id = p.trx_id
      WHERE p.n <= 50
      GROUP BY p.record, p.waiter
), holders AS (
     SELECT NULL AS record, NULL AS id, NULL AS mode, NULL AS lock_type FROM DUAL WHERE FALSE
     /*waits{
     UNION ALL
     SELECT o.record, COALESCE(b.id, -1), d.LOCK_MODE, d.LOCK_TYPE
       FROM (SELECT DISTINCT p.record, p.lock_id, p.trx_id FROM pairs p) o
       LEFT JOIN trx b ON b.trx_id = o.trx_id
       LEFT JOIN performance_schema.data_locks d ON d.ENGINE_LOCK_ID = o.lock_id
      WHERE NOT EXISTS (SELECT 1 FROM waiting w WHERE w.lock_id = o.lock_id)
     }waits*/
), blocked AS (
     SELECT t.THREAD_ID AS thread_id, t.PROCESSLIST_ID AS id, t.PROCESSLIST_TIME AS seconds
       FROM performance_schema.threads t
      WHERE t.PROCESSLIST_ID IS NOT NULL
        AND (t.PROCESSLIST_STATE LIKE 'Waiting for % lock' OR t.PROCESSLIST_STATE = 'User lock')
), pending AS (
     SELECT b.thread_id, b.id, b.seconds, m.OBJECT_INSTANCE_BEGIN AS ticket, m.LOCK_TYPE AS mode,
            CONCAT_WS('/', m.OBJECT_TYPE, COALESCE(m.OBJECT_SCHEMA, ''), COALESCE(m.OBJECT_NAME, ''),
                      m.COLUMN_NAME) AS queue,
            s.began, s.running_ms
       FROM performance_schema.metadata_locks m
       JOIN blocked b ON b.thread_id = m.OWNER_THREAD_ID
       LEFT JOIN statements s ON s.thread_id = b.thread_id
      WHERE m.LOCK_STATUS = 'PENDING' AND (SELECT COUNT(*) FROM blocked) > 0
), tickets AS (
     SELECT CONCAT_WS('/', m.OBJECT_TYPE, COALESCE(m.OBJECT_SCHEMA, ''), COALESCE(m.OBJECT_NAME, ''),
                      m.COLUMN_NAME) AS queue,
            m.LOCK_TYPE AS mode, m.OWNER_THREAD_ID AS thread_id
       FROM performance_schema.metadata_locks m
      WHERE m.LOCK_STATUS = 'GRANTED' AND (SELECT COUNT(*) FROM pending) > 0
), metadata AS (
     SELECT DISTINCT k.queue, CASE WHEN t.THREAD_ID IS NULL AND EXISTS (SELECT 1 FROM trx x WHERE x.id = 0) THEN 0
                                   ELSE COALESCE(t.PROCESSLIST_ID, -1) END AS id,
            TRUE AS held, NULL AS place, k.mode, NULL AS waiting_ms
       FROM (SELECT DISTINCT p.queue FROM pending p) q
       JOIN tickets k ON k.queue = q.queue
       LEFT JOIN performance_schema.threads t ON t.THREAD_ID = k.thread_id
      UNION ALL
     SELECT p.queue, p.id, FALSE,
            ROW_NUMBER() OVER (PARTITION BY p.queue
                               ORDER BY CASE p.mode WHEN 'EXCLUSIVE' THEN 0 WHEN 'SHARED_HIGH_PRIO' THEN 0
                                                    WHEN 'SHARED_NO_READ_WRITE' THEN 1 WHEN 'SHARED_NO_WRITE' THEN 1
                                                    WHEN 'SHARED_UPGRADABLE' THEN 1 WHEN 'SHARED_READ_ONLY' THEN 3
                                                    WHEN 'SHARED_WRITE_LOW_PRIO' THEN 4
                                                    WHEN 'INTENTION_EXCLUSIVE' THEN 4 ELSE 2 END,
                                        p.began, p.ticket),
            p.mode, LEAST(p.running_ms, p.seconds * 1000 + 999)
       FROM pending p
), flushing AS (
     SELECT t.PROCESSLIST_ID AS id, t.PROCESSLIST_TIME AS seconds, s.began, s.running_ms
       FROM performance_schema.threads t
       LEFT JOIN statements s ON s.thread_id = t.THREAD_ID
      WHERE t.PROCESSLIST_STATE = 'Waiting for table flush'
), opened AS (
     SELECT DISTINCT t.PROCESSLIST_ID AS id
       FROM performance_schema.metadata_locks m
       JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID
       JOIN statements s ON s.thread_id = t.THREAD_ID
      WHERE (SELECT COUNT(*) FROM flushing) > 0 AND m.OBJECT_TYPE = 'TABLE' AND m.LOCK_STATUS = 'GRANTED'
        AND m.OBJECT_SCHEMA <> 'performance_schema' AND COALESCE(t.PROCESSLIST_STATE, '') <> 'Waiting for table flush'
        AND s.began < (SELECT MIN(f.began) FROM flushing f)
        AND (t.PROCESSLIST_COMMAND <> 'Sleep' OR m.LOCK_TYPE IN ('SHARED_NO_READ_WRITE', 'SHARED_READ_ONLY'))
)
SELECT e.queue AS queue, e.kind AS kind, e.object AS object, CAST(e.id AS SIGNED) AS id, NULL AS gid, e.held AS held,
       e.place AS place, e.mode AS mode, e.waiting_ms AS waiting_ms, e.blockers AS blockers, e.likely AS likely
  FROM (SELECT CONCAT('row/', r.record) AS queue, IF(r.lock_type = 'TABLE', 'table', 'row') AS kind,
               NULLIF(r.object, '') AS object, r.id AS id, FALSE AS held, r.place AS place, r.mode AS mode,
               LEAST(COALESCE(r.running_ms, r.seconds * 1000), r.seconds * 1000 + 999) AS waiting_ms,
               a.ids AS blockers, NULL AS likely
          FROM ranked r
          LEFT JOIN named a ON a.record = r.record AND a.waiter = r.id
         UNION ALL
        SELECT CONCAT('row/', h.record), IF(h.lock_type = 'TABLE', 'table', 'row'), NULL, h.id, TRUE, NULL, h.mode,
               NULL, NULL, NULL
          FROM holders h
         UNION ALL
        SELECT CONCAT('row/', r.record), 'row', NULL, -1, TRUE, NULL, NULL, NULL, NULL, NULL
          FROM ranked r
         WHERE r.place = 1 AND (SELECT g.closed FROM gate g)
         UNION ALL
        SELECT m.queue,
               CASE SUBSTRING_INDEX(m.queue, '/', 1) WHEN 'USER LEVEL LOCK' THEN 'user' WHEN 'BACKUP LOCK' THEN 'backup'
                    WHEN 'GLOBAL' THEN 'global read' WHEN 'COMMIT' THEN 'global read' ELSE 'metadata' END,
               COALESCE(NULLIF(REPLACE(TRIM(BOTH '/' FROM SUBSTRING(m.queue, LOCATE('/', m.queue))), '/', '.'), ''),
                        LOWER(SUBSTRING_INDEX(m.queue, '/', 1))),
               m.id, m.held, m.place, m.mode, m.waiting_ms, NULL, NULL
          FROM metadata m
         UNION ALL
        SELECT 'flush', 'table', 'tables to be flushed', f.id, FALSE, NULL, NULL,
               LEAST(f.running_ms, f.seconds * 1000 + 999), (SELECT GROUP_CONCAT(o.id SEPARATOR ' ') FROM opened o), TRUE
          FROM flushing f
         UNION ALL
        SELECT 'flush', 'table', NULL, o.id, TRUE, NULL, NULL, NULL, NULL, TRUE FROM opened o
         UNION ALL
        SELECT CONCAT('list/', l.STATE), IF(l.STATE = 'User lock', 'user', 'metadata'), NULL, IF(u.held, -1, l.ID),
               u.held, NULL, NULL, IF(u.held, NULL, l.TIME * 1000), NULL, NULL
          FROM information_schema.PROCESSLIST l
          JOIN (SELECT TRUE AS held UNION ALL SELECT FALSE) u
         WHERE NOT @@performance_schema AND (l.STATE LIKE 'Waiting for % lock' OR l.STATE = 'User lock')
         UNION ALL
        SELECT 'note/performance_schema', 'note',
               'performance_schema is OFF: who holds a lock, and metadata locks, are not known', NULL, TRUE, NULL,
               'gate', NULL, NULL, NULL
         WHERE NOT @@performance_schema
         /*early{
         UNION ALL
        SELECT 'note/early', 'note',
               'who holds a row is not asked: before 8.0.37 reading data_lock_waits can stop the server', NULL, TRUE,
               NULL, 'gate', NULL, NULL, NULL
          FROM (SELECT COUNT(*) AS n FROM waiting) w
         WHERE w.n > 0
         }early*/
       ) e
 ORDER BY e.held DESC, e.waiting_ms DESC, e.place, e.id
 LIMIT :rows
