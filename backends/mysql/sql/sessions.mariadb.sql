-- probe: sessions   lane: fast   every: 1s   timeout: 800ms   rows: 2000
-- versions: mariadb 10.5-11
-- needs: PROCESS | else: no session is shown
-- column: id count key · started time key · user label · db label · app label · client label
-- column: kind state · state state · command label · wait_type label · wait label
-- column: xact_ms duration · query_ms duration · state_ms duration
-- column: leader count · rows_locked count · rows_modified count · progress percent · phase label
-- column: query sqltext · query_bytes bytes · query_id label · xact_guard time · query_guard time
-- column: superuser bool · sync_wait bool · own bool · backend_xmin_age count
-- column: memory_bytes bytes · rows_examined count
--
-- MariaDB keeps connection attributes only with performance_schema on, so the application is unknown, and
-- dbatop's own sessions are known by the comment before their statements. INFO_BINARY has the bytes the
-- client sent, whatever their character set. trx_started is in the server's own time zone. With many waiters on
-- one row InnoDB's table of transactions is not read (see locks.mariadb.sql): then the driver takes their age and
-- who waits from the monitor's text that `locks` has read, if it has.
SELECT p.ID AS id,
       NULL AS started,
       p.USER AS user,
       p.DB AS db,
       NULL AS app,
       NULLIF(p.HOST, '') AS client,
       CASE WHEN p.COMMAND LIKE 'Slave%' THEN 'replication'
            WHEN p.COMMAND LIKE 'Binlog Dump%' THEN 'walsender'
            WHEN p.USER = 'system user' THEN 'background'
            WHEN p.COMMAND = 'Daemon' OR p.USER = 'event_scheduler' THEN 'system'
            ELSE 'client' END AS kind,
       CASE WHEN p.COMMAND = 'Killed' THEN 'killed'
            WHEN p.COMMAND <> 'Sleep' THEN 'active'
            WHEN x.trx_id IS NOT NULL THEN 'idle in transaction'
            ELSE 'idle' END AS state,
       p.COMMAND AS command,
       CASE WHEN x.trx_state = 'LOCK WAIT' OR p.STATE LIKE 'Waiting for % lock'
                 OR p.STATE IN ('User lock', 'Waiting for table flush') THEN 'Lock'
            WHEN p.COMMAND = 'Sleep' THEN 'Client'
            WHEN p.COMMAND LIKE 'Slave%' OR p.COMMAND LIKE 'Binlog Dump%' OR p.COMMAND = 'Daemon'
                 OR p.USER IN ('system user', 'event_scheduler') THEN 'Activity'
            WHEN p.STATE IN ('Writing to net', 'Reading from net', 'Sending to client') THEN 'Client'
            WHEN p.STATE IN ('Commit', 'Opening tables', 'Copying to tmp table on disk', 'Rollback')
                 OR p.STATE LIKE 'Waiting for semi-sync ACK%' THEN 'IO'
            WHEN p.STATE = 'User sleep' THEN 'Timeout'
            WHEN p.STATE LIKE 'Waiting%' THEN 'IPC'
            ELSE 'CPU' END AS wait_type,
       CASE WHEN x.trx_state = 'LOCK WAIT' THEN 'row lock' ELSE NULLIF(p.STATE, '') END AS wait,
       GREATEST(TIMESTAMPDIFF(SECOND, x.trx_started, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), 0)
         * 1000 AS xact_ms,
       IF(p.COMMAND IN ('Sleep', 'Daemon'), NULL, CAST(p.TIME_MS AS SIGNED)) AS query_ms,
       CAST(p.TIME_MS AS SIGNED) AS state_ms,
       NULL AS leader,
       x.trx_rows_locked AS rows_locked,
       x.trx_rows_modified AS rows_modified,
       IF(p.MAX_STAGE > 0, LEAST((100 * (p.STAGE - 1) + p.PROGRESS) / p.MAX_STAGE, 100), NULL) AS progress,
       IF(p.MAX_STAGE > 0, CONCAT(p.STATE, ' ', p.STAGE, '/', p.MAX_STAGE), NULL) AS phase,
       LEFT(p.INFO_BINARY, 4096) AS query,
       OCTET_LENGTH(p.INFO_BINARY) AS query_bytes,
       NULL AS query_id,
       x.trx_id AS xact_guard,
       CONCAT(p.QUERY_ID, ' seen ', NOW(6)) AS query_guard,
       NULL AS superuser,
       p.STATE LIKE 'Waiting for semi-sync ACK%' AS sync_wait,
       COALESCE(p.INFO LIKE '/* dbatop/%', FALSE) AS own,
       NULL AS backend_xmin_age,
       p.MEMORY_USED AS memory_bytes,
       p.EXAMINED_ROWS AS rows_examined
  FROM information_schema.PROCESSLIST p
  LEFT JOIN (SELECT NULL AS trx_id, NULL AS trx_state, NULL AS trx_started, NULL AS trx_rows_locked,
                    NULL AS trx_rows_modified, NULL AS trx_mysql_thread_id
               FROM DUAL WHERE FALSE
             /*rows{
             UNION ALL
             SELECT t.trx_id, t.trx_state, t.trx_started, t.trx_rows_locked, t.trx_rows_modified, t.trx_mysql_thread_id
               FROM information_schema.INNODB_TRX t
             }rows*/) x ON x.trx_mysql_thread_id = p.ID
 ORDER BY COALESCE(x.trx_state = 'LOCK WAIT', FALSE) OR COALESCE(p.STATE LIKE 'Waiting for % lock', FALSE) DESC,
          x.trx_id IS NULL, p.COMMAND = 'Sleep', x.trx_started, p.TIME_MS DESC, id
 LIMIT :rows
