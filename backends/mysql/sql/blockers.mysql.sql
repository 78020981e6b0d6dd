-- probe: blockers   lane: fast   every: 1s   timeout: 800ms   rows: 1000
-- versions: mysql 8.0.37-9.7
-- needs: PROCESS, SELECT on performance_schema | else: who waits for whom is unknown
-- when: pulse.lock_waiters > 0
-- column: waiter count key · blocker count key · waiting_ms duration · kind label · object label
--
-- data_lock_waits has a pair for every lock that is ahead in a record's queue: 900 waiters on one row make
-- 405,450. So it is asked for one waiter a record, the one that waits longest, whose blockers are those that
-- hold it; the others wait for the same ones. A blocker of 0 is a prepared XA transaction without a session.
-- A metadata lock is blocked by a granted one that conflicts, or by an exclusive one that waits before it.
WITH waiting AS (
     SELECT x.trx_mysql_thread_id AS id,
            x.trx_requested_lock_id AS lock_id,
            SUBSTRING_INDEX(SUBSTRING_INDEX(x.trx_requested_lock_id, ':', -4), ':', 3) AS record,
            x.trx_wait_started AS since
       FROM information_schema.INNODB_TRX x
      WHERE x.trx_state = 'LOCK WAIT'
), longest AS (
     SELECT o.record AS record, o.lock_id AS lock_id
       FROM (SELECT w.record, w.lock_id, ROW_NUMBER() OVER (PARTITION BY w.record ORDER BY w.since, w.id) AS n
               FROM waiting w) o
      WHERE o.n = 1
), holders AS (
     SELECT DISTINCT g.record AS record,
            COALESCE(b.trx_mysql_thread_id, -1) AS id,
            d.OBJECT_SCHEMA AS schema_name, d.OBJECT_NAME AS table_name, d.LOCK_TYPE AS lock_type
       FROM longest g
       JOIN performance_schema.data_lock_waits q ON q.REQUESTING_ENGINE_LOCK_ID = g.lock_id
       LEFT JOIN performance_schema.data_locks d ON d.ENGINE_LOCK_ID = g.lock_id
       LEFT JOIN information_schema.INNODB_TRX b ON b.trx_id = q.BLOCKING_ENGINE_TRANSACTION_ID
), metadata AS (
     SELECT DISTINCT tw.PROCESSLIST_ID AS waiter,
            COALESCE(tb.PROCESSLIST_ID, -1) AS blocker,
            tw.PROCESSLIST_TIME * 1000 AS waiting_ms,
            IF(m.OBJECT_TYPE = 'USER LEVEL LOCK', 'user', 'metadata') AS kind,
            CONCAT_WS('.', m.OBJECT_SCHEMA, m.OBJECT_NAME) AS object
       FROM performance_schema.threads tw
       JOIN performance_schema.metadata_locks m ON m.OWNER_THREAD_ID = tw.THREAD_ID AND m.LOCK_STATUS = 'PENDING'
       LEFT JOIN performance_schema.metadata_locks h
              ON h.OBJECT_TYPE = m.OBJECT_TYPE
             AND h.OBJECT_SCHEMA <=> m.OBJECT_SCHEMA
             AND h.OBJECT_NAME <=> m.OBJECT_NAME
             AND h.OWNER_THREAD_ID <> m.OWNER_THREAD_ID
             AND (h.LOCK_STATUS = 'GRANTED'
                  AND ('EXCLUSIVE' IN (m.LOCK_TYPE, h.LOCK_TYPE)
                       OR ('SHARED_NO_READ_WRITE' IN (m.LOCK_TYPE, h.LOCK_TYPE)
                           AND 'SHARED' NOT IN (m.LOCK_TYPE, h.LOCK_TYPE)
                           AND 'SHARED_HIGH_PRIO' NOT IN (m.LOCK_TYPE, h.LOCK_TYPE))
                       OR CONCAT(LEAST(m.LOCK_TYPE, h.LOCK_TYPE), ' ', GREATEST(m.LOCK_TYPE, h.LOCK_TYPE)) IN
                          ('SHARED_NO_WRITE SHARED_NO_WRITE', 'SHARED_NO_WRITE SHARED_UPGRADABLE',
                           'SHARED_NO_WRITE SHARED_WRITE', 'SHARED_NO_WRITE SHARED_WRITE_LOW_PRIO',
                           'SHARED_READ_ONLY SHARED_WRITE', 'SHARED_READ_ONLY SHARED_WRITE_LOW_PRIO',
                           'SHARED_UPGRADABLE SHARED_UPGRADABLE', 'INTENTION_EXCLUSIVE SHARED'))
                  OR h.LOCK_STATUS = 'PENDING' AND h.LOCK_TYPE = 'EXCLUSIVE' AND m.LOCK_TYPE <> 'EXCLUSIVE')
       LEFT JOIN performance_schema.threads tb ON tb.THREAD_ID = h.OWNER_THREAD_ID
      WHERE tw.PROCESSLIST_STATE LIKE 'Waiting for % lock' OR tw.PROCESSLIST_STATE = 'User lock'
)
SELECT e.waiter AS waiter,
       e.blocker AS blocker,
       e.waiting_ms AS waiting_ms,
       e.kind AS kind,
       e.object AS object
  FROM (SELECT w.id AS waiter,
               COALESCE(h.id, -1) AS blocker,
               GREATEST(TIMESTAMPDIFF(SECOND, w.since, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), 0)
                 * 1000 AS waiting_ms,
               IF(h.lock_type = 'TABLE', 'table', 'row') AS kind,
               CONCAT_WS('.', h.schema_name, h.table_name) AS object
          FROM waiting w
          LEFT JOIN holders h ON h.record = w.record
         UNION ALL
        SELECT m.waiter, m.blocker, m.waiting_ms, m.kind, m.object FROM metadata m) e
 ORDER BY e.waiting_ms DESC, e.waiter
 LIMIT :rows
