-- probe: settings   lane: slow   every: 60s   timeout: 800ms   rows: 40
-- versions: mysql 8.0.22-9.7
-- column: name label key · value label
--
-- What decides how this server behaves in an incident.
SELECT LOWER(v.VARIABLE_NAME) AS name,
       v.VARIABLE_VALUE AS value
  FROM performance_schema.global_variables v
 WHERE v.VARIABLE_NAME IN ('max_connections', 'max_user_connections', 'wait_timeout', 'interactive_timeout',
                           'lock_wait_timeout', 'innodb_lock_wait_timeout', 'innodb_rollback_on_timeout',
                           'max_execution_time', 'innodb_buffer_pool_size', 'innodb_flush_log_at_trx_commit',
                           'sync_binlog', 'innodb_deadlock_detect', 'innodb_print_all_deadlocks',
                           'transaction_isolation', 'binlog_format', 'log_bin', 'gtid_mode', 'read_only',
                           'super_read_only', 'performance_schema', 'slow_query_log', 'long_query_time',
                           'innodb_max_purge_lag', 'require_secure_transport')
 LIMIT :rows
