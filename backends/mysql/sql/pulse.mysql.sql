-- probe: pulse   lane: fast   every: 1s   timeout: 800ms   rows: 1
-- versions: mysql 8.0.22-9.7
-- needs: PROCESS | else: transactions, metadata waits and undo are unknown
-- column: connections count · active count · idle count · idle_in_xact count · waiting count
-- column: lock_waiters count · hidden count · background count
-- column: oldest_xact_ms duration · oldest_idle_xact_ms duration
-- column: limit_name label · limit_used count · limit_max count
-- column: xacts counter · commits counter · rollbacks counter · queries counter
-- column: cache_hits counter · cache_reads counter · deadlocks counter · temp_bytes counter
-- column: aborted counter · history_list count · tmp_disk_tables counter
--
-- Counters are everybody's to read; handler commits include autocommitted statements. What needs a privilege is a subquery that is not run without it:
-- @dbatop_process is set to 1 in dbatop's session when it has the privilege. trx_started is in the server's own time zone. A transaction whose trx_query is NULL
-- runs no statement: it is idle.
WITH s AS (
     SELECT MAX(IF(v.VARIABLE_NAME = 'Threads_connected', v.VARIABLE_VALUE + 0, NULL)) AS connected,
            MAX(IF(v.VARIABLE_NAME = 'Threads_running', v.VARIABLE_VALUE + 0, NULL)) AS running,
            MAX(IF(v.VARIABLE_NAME = 'Handler_commit', v.VARIABLE_VALUE + 0, NULL)) AS commits,
            MAX(IF(v.VARIABLE_NAME = 'Handler_rollback', v.VARIABLE_VALUE + 0, NULL)) AS rollbacks,
            MAX(IF(v.VARIABLE_NAME = 'Questions', v.VARIABLE_VALUE + 0, NULL)) AS questions,
            MAX(IF(v.VARIABLE_NAME = 'Innodb_buffer_pool_read_requests', v.VARIABLE_VALUE + 0, NULL)) AS requests,
            MAX(IF(v.VARIABLE_NAME = 'Innodb_buffer_pool_reads', v.VARIABLE_VALUE + 0, NULL)) AS reads_,
            MAX(IF(v.VARIABLE_NAME = 'Created_tmp_disk_tables', v.VARIABLE_VALUE + 0, NULL)) AS tmp_disk,
            MAX(IF(v.VARIABLE_NAME = 'Innodb_row_lock_current_waits', v.VARIABLE_VALUE + 0, NULL)) AS row_waits,
            MAX(IF(v.VARIABLE_NAME = 'Aborted_connects', v.VARIABLE_VALUE + 0, NULL)) AS aborted
       FROM performance_schema.global_status v
      WHERE v.VARIABLE_NAME IN ('Threads_connected', 'Threads_running', 'Handler_commit', 'Handler_rollback',
                                'Questions', 'Innodb_buffer_pool_read_requests', 'Innodb_buffer_pool_reads',
                                'Created_tmp_disk_tables', 'Innodb_row_lock_current_waits', 'Aborted_connects')
), r AS (
     SELECT IF(@dbatop_process, (SELECT COUNT(*) FROM information_schema.INNODB_TRX x
                                  WHERE x.trx_query IS NULL AND x.trx_mysql_thread_id > 0
                                    AND x.trx_state = 'RUNNING'), NULL) AS idle_xact,
            IF(@dbatop_process, (SELECT MIN(x.trx_started) FROM information_schema.INNODB_TRX x), NULL) AS oldest,
            IF(@dbatop_process, (SELECT MIN(x.trx_started) FROM information_schema.INNODB_TRX x
                                  WHERE x.trx_query IS NULL AND x.trx_mysql_thread_id > 0
                                    AND x.trx_state = 'RUNNING'), NULL) AS oldest_idle,
            CASE WHEN NOT @dbatop_process THEN NULL
                 WHEN @@performance_schema THEN
                      (SELECT COUNT(*) FROM performance_schema.processlist l
                        WHERE l.STATE LIKE 'Waiting for % lock' OR l.STATE IN ('User lock', 'Waiting for table flush'))
                 ELSE (SELECT COUNT(*) FROM information_schema.PROCESSLIST l
                        WHERE l.STATE LIKE 'Waiting for % lock' OR l.STATE IN ('User lock', 'Waiting for table flush')) END AS other_waits,
            IF(@dbatop_process, (SELECT m.COUNT FROM information_schema.INNODB_METRICS m
                                  WHERE m.NAME = 'trx_rseg_history_len'), NULL) AS history,
            IF(@dbatop_process, (SELECT m.COUNT FROM information_schema.INNODB_METRICS m
                                  WHERE m.NAME = 'lock_deadlocks'), NULL) AS deadlocks,
            CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM') AS system_now
)
SELECT s.connected AS connections,
       GREATEST(s.running - 1, 0) AS active,
       GREATEST(s.connected - s.running - COALESCE(r.idle_xact, 0), 0) AS idle,
       r.idle_xact AS idle_in_xact,
       s.row_waits + r.other_waits AS waiting,
       s.row_waits + r.other_waits AS lock_waiters,
       IF(@dbatop_process, 0, GREATEST(s.connected - 1, 0)) AS hidden,
       NULL AS background,
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
       r.deadlocks AS deadlocks,
       NULL AS temp_bytes,
       s.aborted AS aborted,
       r.history AS history_list,
       s.tmp_disk AS tmp_disk_tables
  FROM s, r
 LIMIT :rows
