-- probe: lock_rows   lane: admin   every: 1s   timeout: 2s   rows: 200
-- versions: mariadb 10.5-11
-- param: id int
-- needs: PROCESS | else: what a session has locked is unknown
-- column: id count key · kind label key · object label key · mode label key · held bool key · locks count
-- column: waiting_ms duration
--
-- InnoDB counts a transaction's row locks but names only those that somebody waits for or with; metadata locks
-- are known by the plugin metadata_lock_info only. Sections as in locks.mariadb.sql.
WITH me AS (SELECT :id AS id)
SELECT l.id AS id, l.kind AS kind, l.object AS object, l.mode AS mode, l.held AS held, SUM(l.locks) AS locks,
       IF(l.held, NULL, MAX(l.ms)) AS waiting_ms
  FROM (SELECT p.ID AS id, 'metadata' AS kind, NULL AS object, NULL AS mode, FALSE AS held, 1 AS locks,
               CAST(p.TIME_MS AS SIGNED) AS ms
          FROM information_schema.PROCESSLIST p
          JOIN me ON me.id = p.ID
         WHERE (p.STATE LIKE 'Waiting for % lock' OR p.STATE = 'User lock')
/*rows{
         UNION ALL
        SELECT x.trx_mysql_thread_id, IF(k.lock_type = 'TABLE', 'table', 'row'),
               REPLACE(CONCAT_WS('.', k.lock_table, k.lock_index), '`', ''), k.lock_mode,
               NOT (k.lock_id <=> x.trx_requested_lock_id), 1,
               TIMESTAMPDIFF(SECOND, x.trx_wait_started, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')) * 1000
          FROM information_schema.INNODB_TRX x
          JOIN me ON me.id = x.trx_mysql_thread_id
          JOIN information_schema.INNODB_LOCKS k ON k.lock_trx_id = x.trx_id
         WHERE x.trx_id <> 0
         UNION ALL
        SELECT x.trx_mysql_thread_id, 'row', NULL, NULL, TRUE, x.trx_rows_locked, NULL
          FROM information_schema.INNODB_TRX x
          JOIN me ON me.id = x.trx_mysql_thread_id
         WHERE x.trx_rows_locked > 0
}rows*/
/*plugin{
         UNION ALL
        SELECT g.THREAD_ID,
               CASE g.LOCK_TYPE WHEN 'User lock' THEN 'user' WHEN 'Backup lock' THEN 'backup' ELSE 'metadata' END,
               COALESCE(NULLIF(TRIM(TRAILING '.' FROM CONCAT_WS('.', g.TABLE_SCHEMA, g.TABLE_NAME)), ''),
                        LOWER(g.LOCK_TYPE)), g.LOCK_MODE, TRUE, 1, NULL
          FROM information_schema.METADATA_LOCK_INFO g
          JOIN me ON me.id = g.THREAD_ID
}plugin*/
       ) l
 GROUP BY l.id, l.kind, l.object, l.mode, l.held
 ORDER BY l.held, locks DESC, l.kind, l.object, l.mode
 LIMIT :rows
