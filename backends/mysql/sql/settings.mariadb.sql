-- probe: settings   lane: slow   every: 60s   timeout: 800ms   rows: 40
-- versions: mariadb 10.5-11
-- column: name label key · value label
--
-- What decides how this server behaves in an incident; and whether metadata locks are told.
SELECT LOWER(v.VARIABLE_NAME) AS name,
       v.VARIABLE_VALUE AS value
  FROM information_schema.GLOBAL_VARIABLES v
 WHERE v.VARIABLE_NAME IN ('MAX_CONNECTIONS', 'MAX_USER_CONNECTIONS', 'EXTRA_PORT', 'EXTRA_MAX_CONNECTIONS',
                           'WAIT_TIMEOUT', 'INTERACTIVE_TIMEOUT', 'LOCK_WAIT_TIMEOUT',
                           'INNODB_LOCK_WAIT_TIMEOUT', 'INNODB_ROLLBACK_ON_TIMEOUT', 'MAX_STATEMENT_TIME',
                           'IDLE_TRANSACTION_TIMEOUT', 'INNODB_BUFFER_POOL_SIZE',
                           'INNODB_FLUSH_LOG_AT_TRX_COMMIT', 'SYNC_BINLOG', 'INNODB_DEADLOCK_DETECT',
                           'INNODB_PRINT_ALL_DEADLOCKS', 'TX_ISOLATION', 'BINLOG_FORMAT', 'LOG_BIN',
                           'GTID_STRICT_MODE', 'READ_ONLY', 'PERFORMANCE_SCHEMA', 'SLOW_QUERY_LOG',
                           'LONG_QUERY_TIME', 'THREAD_HANDLING', 'REQUIRE_SECURE_TRANSPORT')
 UNION ALL
SELECT 'metadata_lock_info',
       IF(EXISTS (SELECT 1 FROM information_schema.PLUGINS p
                   WHERE p.PLUGIN_NAME = 'METADATA_LOCK_INFO' AND p.PLUGIN_STATUS = 'ACTIVE'), 'ACTIVE', 'OFF')
 LIMIT :rows
