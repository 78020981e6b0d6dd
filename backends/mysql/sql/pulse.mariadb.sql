-- probe: pulse   lane: fast   every: 1s   timeout: 800ms   rows: 1
-- versions: mariadb 10.5-11
-- needs: PROCESS | else: transactions, metadata waits and undo are unknown
-- column: connections count · active count · idle count · idle_in_xact count · waiting count
-- column: lock_waiters count · hidden count · background count
-- column: oldest_xact_ms duration · oldest_idle_xact_ms duration
-- column: limit_name label · limit_used count · limit_max count
-- column: xacts counter · commits counter · rollbacks counter · queries counter
-- column: cache_hits counter · cache_reads counter · deadlocks counter · temp_bytes counter
-- column: aborted counter · history_list count · tmp_disk_tables counter
--
-- Counters are everybody's to read; handler commits include autocommitted statements. What needs PROCESS is a subquery that is not run without it:
-- @dbatop_process is set to 1 in dbatop's session when it has the privilege. trx_started is in the server's
-- own time zone. A transaction whose trx_query is NULL runs no statement: it is idle. With many waiters on one row
-- reading INNODB_TRX takes the server seconds (see locks.mariadb.sql): above 100, transactions are not counted.
WITH s AS (
     SELECT MAX(IF(v.VARIABLE_NAME = 'THREADS_CONNECTED', v.VARIABLE_VALUE + 0, NULL)) AS connected,
            MAX(IF(v.VARIABLE_NAME = 'THREADS_RUNNING', v.VARIABLE_VALUE + 0, NULL)) AS running,
            MAX(IF(v.VARIABLE_NAME = 'HANDLER_COMMIT', v.VARIABLE_VALUE + 0, NULL)) AS commits,
            MAX(IF(v.VARIABLE_NAME = 'HANDLER_ROLLBACK', v.VARIABLE_VALUE + 0, NULL)) AS rollbacks,
            MAX(IF(v.VARIABLE_NAME = 'QUESTIONS', v.VARIABLE_VALUE + 0, NULL)) AS questions,
            MAX(IF(v.VARIABLE_NAME = 'INNODB_BUFFER_POOL_READ_REQUESTS', v.VARIABLE_VALUE + 0, NULL)) AS requests,
            MAX(IF(v.VARIABLE_NAME = 'INNODB_BUFFER_POOL_READS', v.VARIABLE_VALUE + 0, NULL)) AS reads_,
            MAX(IF(v.VARIABLE_NAME = 'CREATED_TMP_DISK_TABLES', v.VARIABLE_VALUE + 0, NULL)) AS tmp_disk,
            MAX(IF(v.VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS', v.VARIABLE_VALUE + 0, NULL)) AS row_waits,
            MAX(IF(v.VARIABLE_NAME = 'INNODB_DEADLOCKS', v.VARIABLE_VALUE + 0, NULL)) AS deadlocks,
            MAX(IF(v.VARIABLE_NAME = 'INNODB_HISTORY_LIST_LENGTH', v.VARIABLE_VALUE + 0, NULL)) AS history,
            MAX(IF(v.VARIABLE_NAME = 'ABORTED_CONNECTS', v.VARIABLE_VALUE + 0, NULL)) AS aborted
       FROM information_schema.GLOBAL_STATUS v
      WHERE v.VARIABLE_NAME IN ('THREADS_CONNECTED', 'THREADS_RUNNING', 'HANDLER_COMMIT', 'HANDLER_ROLLBACK', 'QUESTIONS',
                                'INNODB_BUFFER_POOL_READ_REQUESTS', 'INNODB_BUFFER_POOL_READS',
                                'CREATED_TMP_DISK_TABLES', 'INNODB_ROW_LOCK_CURRENT_WAITS', 'INNODB_DEADLOCKS',
                                'INNODB_HISTORY_LIST_LENGTH', 'ABORTED_CONNECTS')
), p AS (
     SELECT COUNT(IF(l.USER IN ('system user', 'event_scheduler'), 1, NULL)) AS background,
            COUNT(IF(l.STATE LIKE 'Waiting for % lock' OR l.STATE = 'User lock', 1, NULL)) AS other_waits
       FROM information_schema.PROCESSLIST l
), r AS (
     SELECT p.background,
            IF(@dbatop_process, p.other_waits, NULL) AS other_waits,
            IF(@dbatop_process AND s.row_waits <= 100,
               (SELECT COUNT(*) FROM information_schema.INNODB_TRX x
                 WHERE x.trx_query IS NULL AND x.trx_mysql_thread_id > 0
                   AND x.trx_state = 'RUNNING'), NULL) AS idle_xact,
            IF(@dbatop_process AND s.row_waits <= 100,
               (SELECT MIN(x.trx_started) FROM information_schema.INNODB_TRX x), NULL) AS oldest,
            IF(@dbatop_process AND s.row_waits <= 100,
               (SELECT MIN(x.trx_started) FROM information_schema.INNODB_TRX x
                 WHERE x.trx_query IS NULL AND x.trx_mysql_thread_id > 0
                   AND x.trx_state = 'RUNNING'), NULL) AS oldest_idle,
            CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM') AS system_now
       FROM p, s
)
SELECT s.connected AS connections,
       GREATEST(s.running - 1, 0) AS active,
       GREATEST(s.connected - s.running - COALESCE(r.idle_xact, 0), 0) AS idle,
       r.idle_xact AS idle_in_xact,
       s.row_waits + r.other_waits AS waiting,
       s.row_waits + r.other_waits AS lock_waiters,
       IF(@dbatop_process, 0, GREATEST(s.connected - 1, 0)) AS hidden,
       r.background AS background,
       GREATEST(TIMESTAMPDIFF(SECOND, r.oldest, r.system_now), 0) * 1000 AS oldest_xact_ms,
       GREATEST(TIMESTAMPDIFF(SECOND, r.oldest_idle, r.system_now), 0) * 1000 AS oldest_idle_xact_ms,
       'max_connections' AS limit_name,
       s.connected AS limit_used,
       @@global.max_connections AS limit_max,
       s.commits + s.rollbacks AS xacts,
       s.commits AS commits,
       s.rollbacks AS rollbacks,
       s.questions AS queries,
       GREATEST(s.requests - s.reads_, 0) AS cache_hits,
       s.reads_ AS cache_reads,
       s.deadlocks AS deadlocks,
       NULL AS temp_bytes,
       s.aborted AS aborted,
       s.history AS history_list,
       s.tmp_disk AS tmp_disk_tables
  FROM s, r
 LIMIT :rows
