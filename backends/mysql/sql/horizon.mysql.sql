-- probe: horizon   lane: fast   every: 5s   timeout: 800ms   rows: 200
-- versions: mysql 8.0.22-9.7
-- needs: PROCESS | else: transactions of other users are hidden
-- column: kind key state · id key count · name key label · user label · app label · client label · state state
-- column: age_ms duration · rows_modified count
--
-- The oldest transactions: each keeps the history list from being purged beyond the moment it began. One without
-- a session is a prepared XA transaction, and comes first, so that a leak of sessions never pushes it out of the
-- answer; dbatop puts them in order. trx_started is in the server's own time zone.
SELECT IF(x.trx_mysql_thread_id = 0, 'prepared', 'session') AS kind,
       x.trx_mysql_thread_id AS id,
       x.trx_id AS name,
       p.USER AS user,
       NULL AS app,
       p.HOST AS client,
       IF(p.COMMAND = 'Sleep', 'idle in transaction', LOWER(x.trx_state)) AS state,
       GREATEST(TIMESTAMPDIFF(SECOND, x.trx_started, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), 0) * 1000
           AS age_ms,
       x.trx_rows_modified AS rows_modified
  FROM information_schema.INNODB_TRX x
  LEFT JOIN performance_schema.processlist p ON p.ID = x.trx_mysql_thread_id
 ORDER BY x.trx_mysql_thread_id <> 0, x.trx_started
 LIMIT :rows
