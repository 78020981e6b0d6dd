-- probe: server   lane: fast   every: 5s   timeout: 800ms   rows: 1
-- versions: mariadb 10.5-11
-- column: flavour label · version label · role state · writable bool · read_only bool · super_read_only bool
-- column: started time · uptime_ms duration · cluster_id label · server_id label
-- column: max_connections count · reserved_connections count
-- column: xid_age count · xid_limit count · mxid_age count · mxid_limit count
-- column: archive_failing bool · archive_failed counter · archive_age_ms duration
-- column: processes_ms duration · timeline count · lsn lsn
-- column: statement_timeout_ms duration · idle_xact_timeout_ms duration · lock_timeout_ms duration
-- column: client_check_ms duration · track_activity_size count · ps_enabled bool
--
-- The role: a replica that applies or receives says so here. One whose threads are both stopped looks like a
-- primary when it is writable, and unknown when it is not: replication_brief has the last word.
-- The start is exact: Uptime ends in the second this statement began, which is UNIX_TIMESTAMP().
SELECT 'MariaDB' AS flavour,
       SUBSTRING_INDEX(VERSION(), '-', 1) AS version,
       CASE WHEN g.replicas > 0 THEN 'replica' WHEN @@global.read_only = 0 THEN 'primary' END AS role,
       @@global.read_only = 0 AS writable,
       @@global.read_only AS read_only,
       NULL AS super_read_only,
       DATE_ADD('1970-01-01 00:00:00', INTERVAL UNIX_TIMESTAMP() - g.uptime SECOND) AS started,
       g.uptime * 1000 AS uptime_ms,
       NULL AS cluster_id,
       @dbatop_server_id AS server_id,
       @@global.max_connections AS max_connections,
       0 AS reserved_connections,
       NULL AS xid_age, NULL AS xid_limit, NULL AS mxid_age, NULL AS mxid_limit,
       NULL AS archive_failing, NULL AS archive_failed, NULL AS archive_age_ms,
       NULL AS processes_ms,
       NULL AS timeline,
       NULL AS lsn,
       CAST(@@global.max_statement_time * 1000 AS SIGNED) AS statement_timeout_ms,
       @@global.idle_transaction_timeout * 1000 AS idle_xact_timeout_ms,
       @@global.innodb_lock_wait_timeout * 1000 AS lock_timeout_ms,
       NULL AS client_check_ms,
       NULL AS track_activity_size,
       @@global.performance_schema AS ps_enabled
  FROM (SELECT MAX(IF(s.VARIABLE_NAME = 'UPTIME', CAST(s.VARIABLE_VALUE AS SIGNED), NULL)) AS uptime,
               MAX(IF(s.VARIABLE_NAME = 'SLAVES_RUNNING', CAST(s.VARIABLE_VALUE AS SIGNED), NULL)) AS replicas
          FROM information_schema.GLOBAL_STATUS s
         WHERE s.VARIABLE_NAME IN ('UPTIME', 'SLAVES_RUNNING')) g
 LIMIT :rows
