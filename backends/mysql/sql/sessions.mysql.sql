-- probe: sessions   lane: fast   every: 1s   timeout: 800ms   rows: 2000
-- versions: mysql 8.0.22-9.7
-- needs: PROCESS, SELECT on performance_schema | else: no session is shown
-- column: id count key · started time key · user label · db label · app label · client label
-- column: kind state · state state · command label · wait_type label · wait label
-- column: xact_ms duration · query_ms duration · state_ms duration
-- column: leader count · rows_locked count · rows_modified count · progress percent · phase label
-- column: query sqltext · query_bytes bytes · query_id label · xact_guard time · query_guard time
-- column: superuser bool · sync_wait bool · own bool · backend_xmin_age count
--
-- The statement of an idle session is its last one. A transaction is known by its event (e12), which is what
-- the server knows now: INNODB_TRX is a copy up to 0.1 s old. trx_started is in the server's own time zone.
-- The row of a statement is left out while it is being written, and so that of a procedure of short ones is half of
-- the times it is looked at. Then there are up to four more looks.
SELECT t.PROCESSLIST_ID AS id,
       NULL AS started,
       t.PROCESSLIST_USER AS user,
       t.PROCESSLIST_DB AS db,
       a.ATTR_VALUE AS app,
       COALESCE(NULLIF(p.HOST, ''), t.PROCESSLIST_HOST) AS client,
       CASE WHEN t.NAME LIKE 'thread/sql/replica%' OR t.NAME LIKE 'thread/sql/slave%' THEN 'replication'
            WHEN t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%' THEN 'walsender'
            WHEN t.PROCESSLIST_COMMAND = 'Daemon' THEN 'system'
            WHEN t.TYPE = 'FOREGROUND' THEN 'client'
            ELSE 'background' END AS kind,
       CASE WHEN x.trx_state = 'ROLLING BACK' AND t.PROCESSLIST_COMMAND = 'Sleep' THEN 'killed'
            WHEN t.PROCESSLIST_COMMAND <> 'Sleep' THEN 'active'
            WHEN x.trx_id IS NOT NULL THEN 'idle in transaction'
            WHEN t.PROCESSLIST_COMMAND = 'Sleep' THEN 'idle' END AS state,
       t.PROCESSLIST_COMMAND AS command,
       CASE WHEN x.trx_state = 'LOCK WAIT' OR t.PROCESSLIST_STATE LIKE 'Waiting for % lock'
                 OR t.PROCESSLIST_STATE IN ('User lock', 'Waiting for table flush') THEN 'Lock'
            WHEN t.PROCESSLIST_COMMAND = 'Sleep' THEN 'Client'
            WHEN t.PROCESSLIST_COMMAND = 'Daemon' OR t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%'
                 OR t.NAME LIKE 'thread/sql/replica%' OR t.NAME LIKE 'thread/sql/slave%' THEN 'Activity'
            WHEN t.PROCESSLIST_STATE IN ('Sending to client', 'Receiving from client', 'Writing to net',
                                         'Reading from net') THEN 'Client'
            WHEN t.PROCESSLIST_STATE IN ('waiting for handler commit', 'Waiting for semi-sync ACK from replica',
                                         'Opening tables', 'System lock', 'Copying to tmp table on disk') THEN 'IO'
            WHEN t.PROCESSLIST_STATE = 'User sleep' THEN 'Timeout'
            WHEN t.PROCESSLIST_STATE LIKE 'Waiting%' THEN 'IPC'
            ELSE 'CPU' END AS wait_type,
       CASE WHEN x.trx_state = 'LOCK WAIT' THEN 'row lock' ELSE NULLIF(t.PROCESSLIST_STATE, '') END AS wait,
       GREATEST(TIMESTAMPDIFF(SECOND, x.trx_started, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), 0)
         * 1000 AS xact_ms,
       CASE WHEN t.PROCESSLIST_COMMAND <> 'Sleep'
            THEN COALESCE(IF(e.END_EVENT_ID IS NULL, e.TIMER_WAIT DIV 1000000000, NULL), t.PROCESSLIST_TIME * 1000)
            END AS query_ms,
       t.PROCESSLIST_TIME * 1000 AS state_ms,
       NULL AS leader,
       x.trx_rows_locked AS rows_locked,
       x.trx_rows_modified AS rows_modified,
       IF(g.WORK_ESTIMATED > 0, LEAST(100 * g.WORK_COMPLETED / g.WORK_ESTIMATED, 100), NULL) AS progress,
       IF(g.WORK_ESTIMATED > 0, SUBSTRING_INDEX(g.EVENT_NAME, '/', -1), NULL) AS phase,
       LEFT(COALESCE(t.PROCESSLIST_INFO, e.SQL_TEXT), 4096) AS query,
       OCTET_LENGTH(COALESCE(t.PROCESSLIST_INFO, e.SQL_TEXT)) AS query_bytes,
       LEFT(e.DIGEST, 16) AS query_id,
       COALESCE(CONCAT('e', v.EVENT_ID), x.trx_id) AS xact_guard,
       COALESCE(IF(t.PROCESSLIST_COMMAND = 'Sleep' OR e.END_EVENT_ID IS NULL, e.EVENT_ID, NULL),
                IF(t.PROCESSLIST_COMMAND = 'Query' AND e.EVENT_ID IS NULL, COALESCE(
                   (SELECT MAX(s.EVENT_ID) FROM performance_schema.events_statements_current s
                     WHERE s.THREAD_ID = t.THREAD_ID AND s.NESTING_EVENT_LEVEL = 0 AND s.END_EVENT_ID IS NULL),
                   (SELECT MAX(s.EVENT_ID) FROM performance_schema.events_statements_current s
                     WHERE s.THREAD_ID = t.THREAD_ID AND s.NESTING_EVENT_LEVEL = 0 AND s.END_EVENT_ID IS NULL),
                   (SELECT MAX(s.EVENT_ID) FROM performance_schema.events_statements_current s
                     WHERE s.THREAD_ID = t.THREAD_ID AND s.NESTING_EVENT_LEVEL = 0 AND s.END_EVENT_ID IS NULL),
                   (SELECT MAX(s.EVENT_ID) FROM performance_schema.events_statements_current s
                     WHERE s.THREAD_ID = t.THREAD_ID AND s.NESTING_EVENT_LEVEL = 0 AND s.END_EVENT_ID IS NULL)), NULL)) AS query_guard,
       NULL AS superuser,
       t.PROCESSLIST_STATE LIKE 'Waiting for semi-sync ACK%' AS sync_wait,
       COALESCE(a.ATTR_VALUE LIKE 'dbatop/%', FALSE) AS own,
       NULL AS backend_xmin_age
  FROM performance_schema.threads t
  LEFT JOIN performance_schema.processlist p ON p.ID = t.PROCESSLIST_ID
  LEFT JOIN performance_schema.session_connect_attrs a
         ON a.PROCESSLIST_ID = t.PROCESSLIST_ID AND a.ATTR_NAME = 'program_name'
  LEFT JOIN performance_schema.events_statements_current e
         ON e.THREAD_ID = t.THREAD_ID AND e.NESTING_EVENT_LEVEL = 0
  LEFT JOIN performance_schema.events_transactions_current v
         ON v.THREAD_ID = t.THREAD_ID AND v.STATE = 'ACTIVE' AND v.AUTOCOMMIT = 'NO'
  LEFT JOIN performance_schema.events_stages_current g ON g.THREAD_ID = t.THREAD_ID
  LEFT JOIN information_schema.INNODB_TRX x ON x.trx_mysql_thread_id = t.PROCESSLIST_ID
 WHERE t.PROCESSLIST_ID IS NOT NULL
 ORDER BY COALESCE(x.trx_state = 'LOCK WAIT', FALSE) OR t.PROCESSLIST_STATE LIKE 'Waiting for % lock' DESC,
          x.trx_id IS NULL, t.PROCESSLIST_COMMAND = 'Sleep', x.trx_started, t.PROCESSLIST_TIME DESC, id
 LIMIT :rows
