-- probe: lock_rows   lane: admin   every: 1s   timeout: 2s   rows: 200
-- versions: mysql 8.0.22-9.7
-- param: id int
-- needs: PROCESS, SELECT on performance_schema | else: what a session has locked is unknown
-- column: id count key · kind label key · object label key · mode label key · held bool key · locks count
-- column: waiting_ms duration
--
-- What one session holds and waits for, asked for when it is selected. Its InnoDB locks are counted: of millions
-- of them this reads every one, once.
SELECT l.id AS id, l.kind AS kind, l.object AS object, l.mode AS mode, l.held AS held, COUNT(*) AS locks,
       IF(l.held, NULL, MAX(l.seconds) * 1000) AS waiting_ms
  FROM (SELECT t.PROCESSLIST_ID AS id, IF(d.LOCK_TYPE = 'TABLE', 'table', 'row') AS kind,
               CONCAT_WS('.', d.OBJECT_SCHEMA, d.OBJECT_NAME, d.INDEX_NAME) AS object, d.LOCK_MODE AS mode,
               d.LOCK_STATUS = 'GRANTED' AS held, t.PROCESSLIST_TIME AS seconds
          FROM performance_schema.threads t
          JOIN performance_schema.data_locks d ON d.THREAD_ID = t.THREAD_ID
         WHERE t.PROCESSLIST_ID = :id
         UNION ALL
        SELECT t.PROCESSLIST_ID,
               CASE m.OBJECT_TYPE WHEN 'USER LEVEL LOCK' THEN 'user' WHEN 'BACKUP LOCK' THEN 'backup'
                    WHEN 'GLOBAL' THEN 'global read' WHEN 'COMMIT' THEN 'global read' ELSE 'metadata' END,
               COALESCE(NULLIF(CONCAT_WS('.', m.OBJECT_SCHEMA, m.OBJECT_NAME), ''), LOWER(m.OBJECT_TYPE)), m.LOCK_TYPE,
               m.LOCK_STATUS = 'GRANTED', t.PROCESSLIST_TIME
          FROM performance_schema.threads t
          JOIN performance_schema.metadata_locks m ON m.OWNER_THREAD_ID = t.THREAD_ID
         WHERE t.PROCESSLIST_ID = :id) l
 GROUP BY l.id, l.kind, l.object, l.mode, l.held
 ORDER BY l.held, locks DESC, l.kind, l.object, l.mode
 LIMIT :rows
