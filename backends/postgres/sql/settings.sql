-- probe: settings   lane: slow   every: 60s   timeout: 800ms   rows: 100
-- versions: postgres 13-18
-- column: name key label · value label
--
-- reset_val is what a session gets that does not set it: dbatop's own session sets some of these.
SELECT s.name,
       CASE WHEN s.unit IS NULL THEN s.reset_val
            WHEN s.unit = '8kB' AND s.reset_val ~ '^[0-9]+$' THEN pg_size_pretty(s.reset_val::bigint * 8192)
            WHEN s.unit = 'kB' AND s.reset_val ~ '^[0-9]+$' THEN pg_size_pretty(s.reset_val::bigint * 1024)
            WHEN s.unit = 'MB' AND s.reset_val ~ '^[0-9]+$' THEN pg_size_pretty(s.reset_val::bigint * 1048576)
            ELSE s.reset_val || ' ' || s.unit END AS value
  FROM pg_show_all_settings() s
 WHERE s.name IN ('archive_mode', 'autovacuum', 'autovacuum_freeze_max_age', 'autovacuum_max_workers',
                  'checkpoint_timeout', 'client_connection_check_interval', 'deadlock_timeout',
                  'default_transaction_isolation', 'default_transaction_read_only', 'effective_cache_size',
                  'fsync', 'full_page_writes', 'hot_standby_feedback', 'huge_pages',
                  'idle_in_transaction_session_timeout', 'idle_session_timeout', 'jit', 'lock_timeout',
                  'log_lock_waits', 'log_min_duration_statement', 'maintenance_work_mem', 'max_connections',
                  'max_parallel_workers', 'max_prepared_transactions', 'max_replication_slots',
                  'max_slot_wal_keep_size', 'max_standby_streaming_delay', 'max_wal_senders', 'max_wal_size',
                  'max_worker_processes', 'recovery_min_apply_delay', 'reserved_connections',
                  'shared_buffers', 'shared_preload_libraries', 'ssl', 'statement_timeout',
                  'superuser_reserved_connections', 'synchronous_commit', 'synchronous_standby_names',
                  'tcp_keepalives_idle', 'temp_file_limit', 'track_activity_query_size', 'track_io_timing',
                  'transaction_timeout', 'wal_level', 'work_mem')
 ORDER BY s.name
 LIMIT :rows
