-- probe: blockers   lane: fast   every: 1s   timeout: 800ms   rows: 1000
-- versions: mysql 8.0.22-8.0.36
-- needs: PROCESS | else: who waits for whom is unknown
-- when: pulse.lock_waiters > 0
-- column: waiter count key · blocker count key · waiting_ms duration · kind label · object label
--
-- Before 8.0.37 reading data_lock_waits can stop the server (bugs 111082, 112035), so who blocks is not asked:
-- every blocker is -1, unknown.
SELECT x.trx_mysql_thread_id AS waiter,
       -1 AS blocker,
       GREATEST(TIMESTAMPDIFF(SECOND, x.trx_wait_started, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), 0)
         * 1000 AS waiting_ms,
       'row' AS kind,
       NULL AS object
  FROM information_schema.INNODB_TRX x
 WHERE x.trx_state = 'LOCK WAIT'
 ORDER BY x.trx_wait_started
 LIMIT :rows
