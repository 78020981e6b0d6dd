-- probe: server   lane: fast   every: 5s   timeout: 800ms   rows: 1
-- versions: mysql 8.0.22-9.7
-- column: flavour label · version label · role state · writable bool · read_only bool · super_read_only bool
-- column: started time · uptime_ms duration · cluster_id label · server_id label
-- column: max_connections count · reserved_connections count
-- column: xid_age count · xid_limit count · mxid_age count · mxid_limit count
-- column: archive_failing bool · archive_failed counter · archive_age_ms duration
-- column: processes_ms duration · timeline count · lsn lsn
-- column: statement_timeout_ms duration · idle_xact_timeout_ms duration · lock_timeout_ms duration
-- column: client_check_ms duration · track_activity_size count · ps_enabled bool
--
-- The role: the threads of a replica that receives or applies are seen here with PROCESS. One whose threads
-- are both stopped looks like a primary when it is writable, and unknown when it is not: replication_brief
-- has the last word.
-- The start is exact: Uptime ends in the second this statement began, which is UNIX_TIMESTAMP().
SELECT CASE WHEN g.aurora IS NOT NULL THEN 'Aurora MySQL' ELSE 'MySQL' END AS flavour,
       SUBSTRING_INDEX(VERSION(), '-', 1) AS version,
       CASE WHEN g.replicas > 0 THEN 'replica' WHEN @@global.read_only = 0 THEN 'primary' END AS role,
       @@global.read_only = 0 AS writable,
       @@global.read_only AS read_only,
       @@global.super_read_only AS super_read_only,
       DATE_ADD('1970-01-01 00:00:00', INTERVAL UNIX_TIMESTAMP() - g.uptime SECOND) AS started,
       g.uptime * 1000 AS uptime_ms,
       NULL AS cluster_id,
       @@server_uuid AS server_id,
       @@global.max_connections AS max_connections,
       0 AS reserved_connections,
       NULL AS xid_age, NULL AS xid_limit, NULL AS mxid_age, NULL AS mxid_limit,
       NULL AS archive_failing, NULL AS archive_failed, NULL AS archive_age_ms,
       NULL AS processes_ms,
       NULL AS timeline,
       NULL AS lsn,
       @@global.max_execution_time AS statement_timeout_ms,
       NULL AS idle_xact_timeout_ms,
       @@global.innodb_lock_wait_timeout * 1000 AS lock_timeout_ms,
       NULL AS client_check_ms,
       NULL AS track_activity_size,
       @@global.performance_schema AS ps_enabled
  FROM (SELECT (SELECT CAST(s.VARIABLE_VALUE AS SIGNED) FROM performance_schema.global_status s
                 WHERE s.VARIABLE_NAME = 'Uptime') AS uptime,
               (SELECT v.VARIABLE_VALUE FROM performance_schema.global_variables v
                 WHERE v.VARIABLE_NAME = 'aurora_version') AS aurora,
               (SELECT COUNT(*) FROM information_schema.PROCESSLIST p
                 WHERE p.USER = 'system user') AS replicas) g
 LIMIT :rows
