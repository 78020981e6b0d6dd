-- probe: server   lane: fast   every: 5s   timeout: 800ms   rows: 1
-- versions: postgres 13-18
-- column: flavour label · version label · role state · writable bool · read_only bool · super_read_only bool
-- column: started time · uptime_ms duration · cluster_id label · server_id label
-- column: max_connections count · reserved_connections count
-- column: xid_age count · xid_limit count · mxid_age count · mxid_limit count
-- column: archive_failing bool · archive_failed counter · archive_age_ms duration
-- column: processes_ms duration · timeline count · lsn lsn
-- column: statement_timeout_ms duration · idle_xact_timeout_ms duration · lock_timeout_ms duration
-- column: client_check_ms duration · track_activity_size count · ps_enabled bool
--
-- Settings are read as reset_val: what a session gets that does not set them, which dbatop's own does.
-- processes_ms: how long its processes have run. When one of them crashes, the server ends all of them, every
-- session among them, and recovers, while its own start stays what it was. Not known without pg_monitor.
-- dbatop.processes is read at connect, which no connection survives.
-- dbatop.cluster_id, .aurora, .frozenxid and .minmxid are settings of dbatop's session, read at connect and every
-- minute from pg_control_system() and pg_database, so that this goes on while pg_database is locked.
WITH g AS MATERIALIZED (
     SELECT max(s.reset_val) FILTER (WHERE s.name = 'default_transaction_read_only') AS read_only,
            max(s.reset_val) FILTER (WHERE s.name = 'statement_timeout')::bigint AS statement_timeout,
            max(s.reset_val) FILTER (WHERE s.name = 'idle_in_transaction_session_timeout')::bigint AS idle_xact,
            max(s.reset_val) FILTER (WHERE s.name = 'lock_timeout')::bigint AS lock_timeout,
            max(s.reset_val) FILTER (WHERE s.name = 'client_connection_check_interval')::bigint AS client_check,
            max(s.reset_val) FILTER (WHERE s.name = 'track_activity_query_size')::bigint AS activity_size,
            max(s.reset_val) FILTER (WHERE s.name = 'archive_mode') AS archive_mode
       FROM pg_show_all_settings() s
      WHERE s.name IN ('default_transaction_read_only', 'statement_timeout', 'lock_timeout', 'archive_mode',
                       'idle_in_transaction_session_timeout', 'client_connection_check_interval',
                       'track_activity_query_size')
), r AS MATERIALIZED (
     SELECT pg_is_in_recovery() AS standby,
            coalesce(current_setting('dbatop.aurora', true), 'false') = 'true' AS aurora
)
SELECT CASE WHEN r.aurora THEN 'Aurora PostgreSQL' ELSE 'PostgreSQL' END AS flavour,
       split_part(current_setting('server_version'), ' ', 1) AS version,
       CASE WHEN r.standby THEN 'replica' ELSE 'primary' END AS role,
       NOT r.standby AND g.read_only <> 'on' AS writable,
       g.read_only = 'on' AS read_only,
       NULL::bool AS super_read_only,
       pg_postmaster_start_time()::text AS started,
       (date_part('epoch', clock_timestamp() - pg_postmaster_start_time()) * 1000)::bigint AS uptime_ms,
       NULLIF(current_setting('dbatop.cluster_id', true), '') AS cluster_id,
       NULLIF(current_setting('cluster_name', true), '') AS server_id,
       current_setting('max_connections')::bigint AS max_connections,
       current_setting('superuser_reserved_connections')::bigint
           + coalesce(current_setting('reserved_connections', true)::bigint, 0) AS reserved_connections,
       age(NULLIF(current_setting('dbatop.frozenxid', true), '')::xid) AS xid_age,
       2147483648 AS xid_limit,
       mxid_age(NULLIF(current_setting('dbatop.minmxid', true), '')::xid) AS mxid_age,
       2147483648 AS mxid_limit,
       g.archive_mode <> 'off' AND coalesce(c.last_failed_time > coalesce(c.last_archived_time, '-infinity'), false)
           AS archive_failing,
       c.failed_count AS archive_failed,
       CASE WHEN g.archive_mode <> 'off'
            THEN (date_part('epoch', clock_timestamp() - c.last_archived_time) * 1000)::bigint END AS archive_age_ms,
       (date_part('epoch', clock_timestamp() - NULLIF(current_setting('dbatop.processes', true), '')::timestamptz)
           * 1000)::bigint AS processes_ms,
       CASE WHEN r.aurora THEN NULL::bigint
            WHEN r.standby THEN (SELECT w.received_tli FROM pg_stat_get_wal_receiver() w WHERE NOT r.aurora)
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END AS timeline,
       CASE WHEN r.aurora THEN NULL::bigint
            WHEN r.standby THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint
            ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint END AS lsn,
       g.statement_timeout AS statement_timeout_ms,
       g.idle_xact AS idle_xact_timeout_ms,
       g.lock_timeout AS lock_timeout_ms,
       g.client_check AS client_check_ms,
       g.activity_size AS track_activity_size,
       NULL::bool AS ps_enabled
  FROM g, r, pg_stat_get_archiver() c
 LIMIT :rows
