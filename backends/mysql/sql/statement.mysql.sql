-- probe: statement   lane: admin   every: 1s   timeout: 800ms   rows: 11
-- versions: mysql 8.0.22-9.7
-- param: id int
-- needs: PROCESS, SELECT on performance_schema | else: no statement beyond its first 4 kB, nothing of its transaction
-- column: id count key · started key time · query sqltext · query_bytes bytes
-- column: xact label · event count key · ago_ms duration · took_ms duration · rows_modified count
--
-- The whole statement of one session: performance_schema cuts it at 1024 characters, this does not. After it what its
-- transaction has run before, the latest first, as far as performance_schema remembers: ten statements of a session
-- unless it was told otherwise.
SELECT q.id, q.started, q.query, q.query_bytes, q.xact, q.event, q.ago_ms, q.took_ms, q.rows_modified
  FROM (SELECT p.ID AS id, NULL AS started, LEFT(p.INFO, 1048576) AS query, OCTET_LENGTH(p.INFO) AS query_bytes,
               NULL AS xact, NULL AS event, NULL AS ago_ms, NULL AS took_ms, NULL AS rows_modified
          FROM information_schema.PROCESSLIST p
         WHERE p.ID = :id
         UNION ALL
        SELECT t.PROCESSLIST_ID, NULL, h.SQL_TEXT, OCTET_LENGTH(h.SQL_TEXT), CONCAT('e', x.EVENT_ID), h.EVENT_ID,
               GREATEST(CAST(o.TIMER_START AS SIGNED) - CAST(h.TIMER_END AS SIGNED), 0) DIV 1000000000,
               h.TIMER_WAIT DIV 1000000000, h.ROWS_AFFECTED
          FROM performance_schema.threads t
          JOIN performance_schema.events_transactions_current x
            ON x.THREAD_ID = t.THREAD_ID AND x.STATE = 'ACTIVE' AND x.AUTOCOMMIT = 'NO'
          JOIN performance_schema.events_statements_history h
            ON h.THREAD_ID = t.THREAD_ID AND h.NESTING_EVENT_ID = x.EVENT_ID AND h.NESTING_EVENT_TYPE = 'TRANSACTION'
          JOIN performance_schema.events_statements_current o
            ON o.THREAD_ID = PS_CURRENT_THREAD_ID() AND o.NESTING_EVENT_LEVEL = 0
         WHERE t.PROCESSLIST_ID = :id) q
 ORDER BY q.event IS NULL DESC, q.event DESC
 LIMIT :rows
