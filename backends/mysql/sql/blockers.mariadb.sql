-- probe: blockers   lane: fast   every: 1s   timeout: 800ms   rows: 1000
-- versions: mariadb 10.5-11
-- needs: PROCESS | else: who waits for whom is unknown
-- when: pulse.lock_waiters > 0
-- column: waiter count key · blocker count key · waiting_ms duration · kind label · object label
--
-- InnoDB lists a pair for every lock that is ahead in a record's queue, also for those that wait themselves:
-- 400 waiters on one row make 80,200 pairs. Kept are those whose blocker does not wait for the same record.
-- A blocker of 0 is a prepared XA transaction. Who holds a metadata lock MariaDB does not tell: -1.
SELECT w.waiter AS waiter,
       w.blocker AS blocker,
       w.waiting_ms AS waiting_ms,
       w.kind AS kind,
       w.object AS object
  FROM (SELECT DISTINCT r.trx_mysql_thread_id AS waiter,
               b.trx_mysql_thread_id AS blocker,
               GREATEST(TIMESTAMPDIFF(SECOND, r.trx_wait_started,
                                      CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), 0) * 1000 AS waiting_ms,
               IF(l.lock_type = 'RECORD', 'row', 'table') AS kind,
               REPLACE(l.lock_table, '`', '') AS object
          FROM information_schema.INNODB_LOCK_WAITS q
          JOIN information_schema.INNODB_TRX r ON r.trx_id = q.requesting_trx_id
          JOIN information_schema.INNODB_TRX b ON b.trx_id = q.blocking_trx_id
          LEFT JOIN information_schema.INNODB_LOCKS l ON l.lock_id = q.requested_lock_id
         WHERE b.trx_requested_lock_id IS NULL
            OR SUBSTRING_INDEX(b.trx_requested_lock_id, ':', -3) <> SUBSTRING_INDEX(q.requested_lock_id, ':', -3)
         UNION ALL
        SELECT p.ID, -1, CAST(p.TIME_MS AS SIGNED),
               CASE p.STATE WHEN 'User lock' THEN 'user' WHEN 'Waiting for backup lock' THEN 'backup'
                            ELSE 'metadata' END,
               NULL
          FROM information_schema.PROCESSLIST p
         WHERE p.STATE LIKE 'Waiting for % lock' OR p.STATE = 'User lock') w
 ORDER BY w.waiting_ms DESC, w.waiter
 LIMIT :rows
