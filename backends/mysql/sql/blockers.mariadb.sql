-- probe: blockers   lane: fast   every: 1s   timeout: 800ms   rows: 1000
-- versions: mariadb 10.5-11
-- needs: PROCESS | else: who waits for whom is unknown
-- when: pulse.lock_waiters > 0
-- column: waiter count key · blocker count key · waiting_ms duration · kind label · object label
--
-- InnoDB lists a pair for every lock that is ahead in a record's queue, also for those that wait themselves:
-- 400 waiters on one row make 80,200 pairs. Kept are those whose blocker does not wait for the same record. The
-- section rows{ … }rows is opened up to 100 row waiters, see locks.mariadb.sql; above, rows are not asked.
-- A blocker of 0 is a prepared XA transaction. Who holds a metadata lock MariaDB does not tell: -1.
SELECT w.waiter AS waiter,
       w.blocker AS blocker,
       w.waiting_ms AS waiting_ms,
       w.kind AS kind,
       w.object AS object
  FROM (SELECT p.ID AS waiter, -1 AS blocker, CAST(p.TIME_MS AS SIGNED) AS waiting_ms,
               CASE p.STATE WHEN 'User lock' THEN 'user' WHEN 'Waiting for backup lock' THEN 'backup'
                            ELSE 'metadata' END AS kind,
               NULL AS object
          FROM information_schema.PROCESSLIST p
         WHERE p.STATE LIKE 'Waiting for % lock' OR p.STATE = 'User lock'
         /*rows{
         UNION ALL
        SELECT DISTINCT r.id, b.id,
               GREATEST(TIMESTAMPDIFF(SECOND, r.since, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), 0) * 1000,
               IF(l.lock_type = 'RECORD', 'row', 'table'),
               REPLACE(l.lock_table, '`', '')
          FROM information_schema.INNODB_LOCK_WAITS q
          JOIN (SELECT x.trx_id, x.trx_mysql_thread_id AS id, x.trx_wait_started AS since
                  FROM information_schema.INNODB_TRX x LIMIT 100000) r ON r.trx_id = q.requesting_trx_id
          JOIN (SELECT x.trx_id, x.trx_mysql_thread_id AS id, x.trx_requested_lock_id AS lock_id
                  FROM information_schema.INNODB_TRX x LIMIT 100000) b ON b.trx_id = q.blocking_trx_id
          LEFT JOIN (SELECT DISTINCT k.lock_id, k.lock_type, k.lock_table
                       FROM information_schema.INNODB_LOCKS k) l ON l.lock_id = q.requested_lock_id
         WHERE b.lock_id IS NULL
            OR SUBSTRING_INDEX(b.lock_id, ':', -3) <> SUBSTRING_INDEX(q.requested_lock_id, ':', -3)
         }rows*/) w
 ORDER BY w.waiting_ms DESC, w.waiter
 LIMIT :rows
