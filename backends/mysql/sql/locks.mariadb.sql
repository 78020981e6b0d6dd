-- probe: locks   lane: fast   every: 1s   timeout: 800ms   rows: 12000
-- versions: mariadb 10.5-11
-- needs: PROCESS | else: who waits for whom is unknown
-- when: pulse.lock_waiters > 0
-- column: queue label key · kind label · object label · id count key · gid label · held bool key · place count
-- column: mode label key · waiting_ms duration · blockers label · likely bool
--
-- What the server has, each of its tables read once: it fills a table again for each mention in a statement, and a
-- join of them took 65 ms a look. The driver joins it (locks_maria.c): first the columns of `source`, then those
-- above. Sections like rows{ … }rows are comments until the driver opens them (locks.c). Reading an INNODB_ table
-- makes InnoDB copy a pair for every lock ahead in a queue, and nobody gets a row lock meanwhile: 3 ms with 150
-- waiters on one row, a tenth of a second with 400, four seconds with 900. So `rows` is for up to 100 row waiters;
-- above, the driver reads the monitor's text instead.
-- Sources are sessions: who waits for a metadata, backup or user lock (the state tells), the object its statement
-- names, the mode such a statement wants, in what order it is served (n); who holds a user lock (holder). InnoDB's
-- transactions, locks and pairs; metadata locks that are granted, by the plugin metadata_lock_info.
SELECT 'session' AS source, s.id AS id, s.kind AS kind, s.name AS name,
       CASE WHEN s.kind = 'metadata' THEN s.mode
            WHEN s.kind = 'backup' THEN CASE WHEN s.info RLIKE '^[[:space:]]*flush' THEN 'MDL_BACKUP_FTWRL1'
                                             WHEN s.info RLIKE '^[[:space:]]*(commit|xa commit)' THEN 'MDL_BACKUP_COMMIT'
                                             WHEN s.info RLIKE '^[[:space:]]*backup' THEN 'MDL_BACKUP_START'
                                             WHEN s.mode = 'MDL_SHARED_WRITE' THEN 'MDL_BACKUP_TRANS_DML'
                                             ELSE 'MDL_BACKUP_DDL' END END AS mode,
       s.db AS other, s.us AS us,
       CASE s.mode WHEN 'MDL_EXCLUSIVE' THEN 0 WHEN 'MDL_SHARED_NO_READ_WRITE' THEN 1 ELSE 2 END AS n,
       IF(s.kind = 'user' AND s.name <> '', IS_USED_LOCK(s.name), NULL) AS holder,
       IF(s.kind IS NULL, s.command = 'Query',
          s.info RLIKE '^[[:space:]]*(alter +table|create +(unique +)?index|drop +index|optimize)') AS flag,
       IF(s.kind IS NULL, NULL, s.info) AS info
  FROM (SELECT b.id, b.db, b.command, b.us, b.info, b.kind,
               CASE b.kind WHEN 'user' THEN TRIM(BOTH '''' FROM
                                TRIM(REGEXP_SUBSTR(b.info, '(?i)(?<=get_lock\\()\\s*''[^'']*''')))
                    WHEN 'backup' THEN ''
                    WHEN 'metadata' THEN REPLACE(REGEXP_SUBSTR(b.info, '(?i)\\b(?:table|tables|from|into|update|join|on|view)\\s+(?:if\\s+(?:not\\s+)?exists\\s+)?\\K[`\\w$]+(?:\\.[`\\w$]+)?'), '`', '')
                    END AS name,
               CASE WHEN b.kind IS NULL THEN NULL
                    WHEN b.info RLIKE '^[[:space:]]*(select|show|desc|explain|with)' THEN 'MDL_SHARED_READ'
                    WHEN b.info RLIKE '^[[:space:]]*lock +tables?.* write' THEN 'MDL_SHARED_NO_READ_WRITE'
                    WHEN b.info RLIKE '^[[:space:]]*lock ' THEN 'MDL_SHARED_READ_ONLY'
                    WHEN b.info RLIKE '^[[:space:]]*(update|insert|delete|replace|load)' THEN 'MDL_SHARED_WRITE'
                    ELSE 'MDL_EXCLUSIVE' END AS mode
          FROM (SELECT p.ID AS id, p.DB AS db, p.COMMAND AS command, CAST(p.TIME_MS * 1000 AS SIGNED) AS us,
                       LEFT(p.INFO, 4096) AS info,
                       CASE WHEN p.STATE = 'User lock' THEN 'user'
                            WHEN p.STATE = 'Waiting for backup lock' THEN 'backup'
                            WHEN p.STATE LIKE 'Waiting for % lock' THEN 'metadata' END AS kind
                  FROM information_schema.PROCESSLIST p
                 WHERE p.ID <> CONNECTION_ID()) b) s
/*rows{
 UNION ALL
SELECT 'transaction', x.trx_mysql_thread_id, NULL, x.trx_requested_lock_id, NULL, x.trx_id,
       GREATEST(TIMESTAMPDIFF(SECOND, x.trx_wait_started, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), 0) * 1000000,
       x.trx_rows_locked, NULL, NULL, NULL
  FROM information_schema.INNODB_TRX x
 UNION ALL
SELECT 'lock', NULL, MAX(l.lock_type), l.lock_id, MAX(l.lock_mode),
       REPLACE(CONCAT(CONCAT_WS('.', MAX(l.lock_table), MAX(l.lock_index)),
                      IF(MAX(l.lock_data) LIKE 'supremum%', ' (after the last row)', '')), '`', ''),
       NULL, NULL, NULL, NULL, NULL
  FROM information_schema.INNODB_LOCKS l
 GROUP BY l.lock_id
 UNION ALL
SELECT 'pairs', NULL, NULL, i.requested_lock_id, NULL, GROUP_CONCAT(DISTINCT i.blocking_trx_id SEPARATOR ' '),
       NULL, NULL, NULL, NULL, NULL
  FROM information_schema.INNODB_LOCK_WAITS i
 GROUP BY i.requested_lock_id
}rows*/
/*plugin{
 UNION ALL
SELECT DISTINCT 'granted', g.THREAD_ID, IF(g.LOCK_TYPE = 'Backup lock', 'backup', 'metadata'),
       IF(g.LOCK_TYPE = 'Backup lock', '', CONCAT(g.TABLE_SCHEMA, '.', g.TABLE_NAME)), g.LOCK_MODE,
       NULL, NULL, NULL, NULL, NULL, NULL
  FROM information_schema.METADATA_LOCK_INFO g
 WHERE g.LOCK_TYPE IN ('Table metadata lock', 'Backup lock')
   AND (SELECT COUNT(*) FROM information_schema.PROCESSLIST w WHERE w.STATE LIKE 'Waiting for % lock') > 0
}plugin*/
 LIMIT :rows
