-- probe: locks   lane: fast   every: 1s   timeout: 800ms   rows: 12000
-- versions: mariadb 10.5-11
-- needs: PROCESS | else: who waits for whom is unknown
-- when: pulse.lock_waiters > 0
-- column: queue label key · kind label · object label · id count key · gid label · held bool key · place count
-- column: mode label key · waiting_ms duration · blockers label · likely bool
--
-- One row an entry of a queue that has a waiter. Sections like rows{ … }rows are comments until the driver opens
-- them (locks.c). Reading an INNODB_ table makes InnoDB copy a pair for every lock ahead in a queue, and nobody
-- gets a row lock meanwhile: 3 ms with 150 waiters on one row, a tenth of a second with 400, four seconds with
-- 900. So `rows` is for up to 100 row waiters; above, the driver reads the monitor's text instead.
-- INNODB_LOCKS has the locks that are waited for or with: what does not wait is held. Transactions that have not
-- written all have the number 0: such a holder is any of them with row locks, and likely if there are several.
-- Metadata: the state tells who waits. Who holds which object is known by the plugin metadata_lock_info only, and
-- what the waiter wants not even then: the object is the one its statement names. So all of that is likely. User
-- locks are sure, when the statement has the name in it. The first ALTER in a queue is taken to hold what keeps
-- other ones out while it waits for more.
WITH sessions AS (
     SELECT p.ID AS id, p.DB AS db, p.COMMAND AS command, p.STATE AS state, CAST(p.TIME_MS AS SIGNED) AS ms,
            LEFT(p.INFO, 4096) AS info
       FROM information_schema.PROCESSLIST p
), blocked AS (
     SELECT s.id, s.db, s.ms, s.info,
            CASE WHEN s.state = 'User lock' THEN 'user' WHEN s.state = 'Waiting for backup lock' THEN 'backup'
                 ELSE 'metadata' END AS kind,
            CASE WHEN s.info RLIKE '^[[:space:]]*(select|show|desc|explain|with)' THEN 'MDL_SHARED_READ'
                 WHEN s.info RLIKE '^[[:space:]]*lock +tables?.* write' THEN 'MDL_SHARED_NO_READ_WRITE'
                 WHEN s.info RLIKE '^[[:space:]]*lock ' THEN 'MDL_SHARED_READ_ONLY'
                 WHEN s.info RLIKE '^[[:space:]]*(update|insert|delete|replace|load)' THEN 'MDL_SHARED_WRITE'
                 ELSE 'MDL_EXCLUSIVE' END AS mode,
            CASE WHEN s.state = 'User lock' THEN REGEXP_SUBSTR(s.info, '(?i)(?<=get_lock\\()\\s*''[^'']*''')
                 ELSE REPLACE(REGEXP_SUBSTR(s.info, '(?i)\\b(?:table|tables|from|into|update|join|on|view)\\s+(?:if\\s+(?:not\\s+)?exists\\s+)?\\K[`\\w$]+(?:\\.[`\\w$]+)?'),
                              '`', '') END AS word
       FROM sessions s
      WHERE s.state LIKE 'Waiting for % lock' OR s.state = 'User lock'
), wanted AS (
     SELECT b.id, b.db, b.ms, b.info, b.kind, b.mode,
            CASE b.kind WHEN 'user' THEN TRIM(BOTH '''' FROM TRIM(b.word)) WHEN 'backup' THEN ''
                 ELSE CONCAT(IF(b.word LIKE '%.%', '', CONCAT(COALESCE(b.db, ''), '.')), COALESCE(b.word, '')) END
              AS object
       FROM blocked b
/*rows{
), trx AS (
     SELECT x.trx_id AS trx_id, x.trx_mysql_thread_id AS id, x.trx_requested_lock_id AS lock_id,
            x.trx_wait_started AS since, x.trx_rows_locked AS rows_locked, x.trx_state AS state
       FROM information_schema.INNODB_TRX x
      LIMIT 1000000
), locks AS (
     SELECT l.lock_id, MAX(l.lock_mode) AS mode, MAX(l.lock_type) AS lock_type,
            REPLACE(CONCAT(CONCAT_WS('.', MAX(l.lock_table), MAX(l.lock_index)),
                           IF(MAX(l.lock_data) LIKE 'supremum%', ' (after the last row)', '')), '`', '') AS object
       FROM information_schema.INNODB_LOCKS l
      GROUP BY l.lock_id
), waiting AS (
     SELECT w.id, w.trx_id, w.lock_id, w.record, w.since, w.ms, w.mode, w.lock_type, w.object, w.seconds,
            ROW_NUMBER() OVER (PARTITION BY w.record ORDER BY w.since, w.ms DESC, w.id) AS place
       FROM (SELECT x.id, x.trx_id, x.lock_id, SUBSTRING(x.lock_id, LOCATE(':', x.lock_id) + 1) AS record, x.since,
                    s.ms, CAST(IF(l.mode LIKE '%GAP', 'X,GAP,INSERT_INTENTION', l.mode) AS CHAR(32)) AS mode, l.lock_type,
                    l.object,
                    GREATEST(TIMESTAMPDIFF(SECOND, x.since,
                                           CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), 0) AS seconds
               FROM trx x
               LEFT JOIN locks l ON l.lock_id = x.lock_id
               LEFT JOIN sessions s ON s.id = x.id
              WHERE x.lock_id IS NOT NULL) w
), pairs AS (
     SELECT w.record, w.id AS waiter, w.place, q.blocking_lock_id AS lock_id, q.blocking_trx_id AS trx_id
       FROM (SELECT DISTINCT i.requested_lock_id, i.blocking_lock_id, i.blocking_trx_id
               FROM information_schema.INNODB_LOCK_WAITS i) q
       JOIN waiting w ON w.lock_id = q.requested_lock_id
), first_unwritten AS (
     SELECT u.record, MIN(u.place) AS place FROM waiting u WHERE u.trx_id = 0 GROUP BY u.record
), unwritten AS (
     SELECT p.record, p.lock_id, x.id, COUNT(*) OVER (PARTITION BY p.record) > 1 AS likely
       FROM (SELECT DISTINCT p.record, p.lock_id
               FROM pairs p
               LEFT JOIN first_unwritten u ON u.record = p.record
              WHERE p.trx_id = 0 AND (u.place IS NULL OR p.place < u.place)) p
       JOIN trx x ON x.trx_id = 0 AND x.rows_locked > 0
      WHERE NOT EXISTS (SELECT 1 FROM waiting w WHERE w.record = p.record AND w.id = x.id)
), edges AS (
     SELECT p.record, p.waiter, p.lock_id, x.id, b.place IS NOT NULL AS waits, FALSE AS likely
       FROM pairs p
       JOIN trx x ON x.trx_id = p.trx_id
       LEFT JOIN waiting b ON b.record = p.record AND b.id = x.id AND b.lock_id = p.lock_id
      WHERE p.trx_id <> 0 AND (b.place IS NULL OR b.place < p.place)
      UNION ALL
     SELECT p.record, p.waiter, p.lock_id, b.id, TRUE, FALSE
       FROM pairs p
       JOIN waiting b ON b.record = p.record AND b.trx_id = 0 AND b.place < p.place
      WHERE p.trx_id = 0
      UNION ALL
     SELECT p.record, p.waiter, p.lock_id, u.id, FALSE, u.likely
       FROM pairs p
       JOIN unwritten u ON u.record = p.record
      WHERE p.trx_id = 0
}rows*/
), opened AS (
     SELECT CAST(NULL AS SIGNED) AS id FROM DUAL WHERE FALSE
     /*rows{ UNION ALL SELECT DISTINCT t.id FROM trx t }rows*/
/*plugin{
), granted AS (
     SELECT g.THREAD_ID AS id, g.LOCK_MODE AS mode, g.LOCK_TYPE AS lock_type, g.TABLE_SCHEMA AS db, g.TABLE_NAME AS name
       FROM information_schema.METADATA_LOCK_INFO g
      WHERE g.LOCK_TYPE IN ('Table metadata lock', 'Backup lock') AND (SELECT COUNT(*) FROM blocked) > 0
}plugin*/
), entries AS (
     SELECT CONCAT(w.kind, '/', w.object) AS queue, w.kind, NULLIF(w.object, '') AS object, w.id, FALSE AS held,
            CASE w.kind
                 WHEN 'user' THEN NULL
                 WHEN 'metadata' THEN w.mode
                 ELSE CASE WHEN w.info RLIKE '^[[:space:]]*flush' THEN 'MDL_BACKUP_FTWRL1'
                           WHEN w.info RLIKE '^[[:space:]]*(commit|xa commit)' THEN 'MDL_BACKUP_COMMIT'
                           WHEN w.info RLIKE '^[[:space:]]*backup' THEN 'MDL_BACKUP_START'
                           WHEN w.mode = 'MDL_SHARED_WRITE' THEN 'MDL_BACKUP_TRANS_DML'
                           ELSE 'MDL_BACKUP_DDL' END END AS mode,
            w.ms AS waiting_ms, NULL AS blockers, IF(w.kind = 'user', NULL, TRUE) AS likely,
            CASE WHEN w.mode = 'MDL_EXCLUSIVE' THEN 0 WHEN w.mode = 'MDL_SHARED_NO_READ_WRITE' THEN 1 ELSE 2 END AS class
       FROM wanted w
      UNION ALL
     SELECT DISTINCT CONCAT('user/', w.object), 'user', NULL, COALESCE(IS_USED_LOCK(w.object), -1), TRUE, NULL, NULL, NULL,
            NULL, 0
       FROM wanted w
      WHERE w.kind = 'user' AND w.object <> ''
/*plugin{
      UNION ALL
     SELECT DISTINCT CONCAT(w.kind, '/', w.object), w.kind, NULL, g.id, TRUE, g.mode, NULL, NULL, TRUE, 0
       FROM wanted w
       JOIN granted g ON (w.kind = 'backup' AND g.lock_type = 'Backup lock')
                      OR (w.kind = 'metadata' AND g.lock_type = 'Table metadata lock'
                          AND CONCAT(g.db, '.', g.name) = w.object)
}plugin*/
/*guess{
      UNION ALL
     SELECT DISTINCT CONCAT(w.kind, '/', w.object), w.kind, NULL, s.id, TRUE,
            IF(w.strong, IF(w.kind = 'backup', 'MDL_BACKUP_TRANS_DML', 'MDL_SHARED_WRITE'), NULL), NULL, NULL, TRUE, 0
       FROM (SELECT o.kind, o.object, MAX(o.db) AS db, MAX(o.ms) AS ms,
                    MAX(o.mode = 'MDL_EXCLUSIVE' OR o.mode = 'MDL_SHARED_NO_READ_WRITE') AS strong
               FROM wanted o WHERE o.kind <> 'user' GROUP BY o.kind, o.object) w
       JOIN (SELECT a.id, a.db, a.command, a.ms, x.id AS opened
               FROM sessions a
               LEFT JOIN opened x ON x.id = a.id
              WHERE a.id <> CONNECTION_ID() AND a.state NOT LIKE 'Waiting for % lock') s
         ON (w.kind = 'backup' OR s.db <=> w.db)
            AND (s.opened IS NOT NULL OR (s.command = 'Query' AND s.ms >= w.ms))
      UNION ALL
     SELECT CONCAT(w.kind, '/', w.object), w.kind, NULL, w.id, TRUE, 'MDL_SHARED_UPGRADABLE', NULL, NULL, TRUE, 0
       FROM (SELECT o.kind, o.object, o.id, ROW_NUMBER() OVER (PARTITION BY o.object ORDER BY o.ms DESC, o.id) AS n
               FROM wanted o
              WHERE o.kind = 'metadata'
                AND o.info RLIKE '^[[:space:]]*(alter +table|create +(unique +)?index|drop +index|optimize)') w
      WHERE w.n = 1
}guess*/
), holders AS (
     SELECT n.queue, n.kind, n.id, n.mode FROM entries n WHERE n.held
      UNION ALL
     SELECT DISTINCT CONCAT(w.kind, '/', w.object), w.kind, 0, NULL
       FROM wanted w
       JOIN opened x ON x.id = 0
      WHERE w.kind = 'metadata'
)
SELECT e.queue AS queue, e.kind AS kind, e.object AS object, e.id AS id, NULL AS gid, e.held AS held,
       e.place AS place, e.mode AS mode, e.waiting_ms AS waiting_ms, e.blockers AS blockers, e.likely AS likely
  FROM (SELECT n.queue, n.kind, n.object, n.id, FALSE AS held,
               ROW_NUMBER() OVER (PARTITION BY n.queue ORDER BY n.class, n.waiting_ms DESC, n.id) AS place, n.mode,
               n.waiting_ms, n.blockers, n.likely
          FROM entries n
         WHERE NOT n.held
         UNION ALL
        SELECT h.queue, h.kind, NULL, h.id, TRUE, NULL, h.mode, NULL, NULL, IF(h.kind = 'user', NULL, TRUE)
          FROM holders h
         UNION ALL
        SELECT DISTINCT CONCAT(w.kind, '/', w.object), w.kind, NULL, -1, TRUE, NULL, NULL, NULL, NULL, TRUE
          FROM wanted w
         WHERE NOT EXISTS (SELECT 1 FROM holders h WHERE h.queue = CONCAT(w.kind, '/', w.object) AND h.id <> w.id)
/*rows{
         UNION ALL
        SELECT CONCAT('row/', w.record), IF(w.lock_type = 'TABLE', 'table', 'row'), w.object, w.id, FALSE, w.place,
               w.mode, LEAST(COALESCE(w.ms, w.seconds * 1000), w.seconds * 1000 + 999),
               (SELECT GROUP_CONCAT(DISTINCT d.id SEPARATOR ' ') FROM edges d
                 WHERE d.record = w.record AND d.waiter = w.id), NULL
          FROM waiting w
         UNION ALL
        SELECT DISTINCT CONCAT('row/', d.record), IF(l.lock_type = 'TABLE', 'table', 'row'), NULL, d.id, TRUE, NULL, l.mode,
               NULL, NULL, IF(d.likely, TRUE, NULL)
          FROM edges d
          LEFT JOIN locks l ON l.lock_id = d.lock_id
         WHERE NOT d.waits
}rows*/
       ) e
 ORDER BY e.held DESC, e.waiting_ms DESC, e.place, e.id
 LIMIT :rows
