-- probe: replication_brief   lane: fast   every: 2s   timeout: 800ms   rows: 100
-- versions: mysql 8.0.22-9.7
-- needs: SELECT on performance_schema | else: replication is unknown
-- column: kind state key · peer label key · name label · state state · receiver state · applier state
-- column: lag_ms duration · lag_source label · paused bool · delay_ms duration · error label
-- column: receiver_error label
--
-- Lag: how long ago the transaction being applied was committed where it began; 0 when all that was received
-- is applied and the receiver is connected; else unknown.
SELECT r.kind AS kind, r.peer AS peer, r.name AS name, r.state AS state, r.receiver AS receiver,
       r.applier AS applier, r.lag_ms AS lag_ms, r.lag_source AS lag_source,
       r.paused AS paused, r.delay_ms AS delay_ms, r.error AS error,
       r.receiver_error AS receiver_error
  FROM (SELECT 'upstream' AS kind,
               CONCAT(c.HOST, ':', c.PORT) AS peer,
               c.CHANNEL_NAME AS name,
               CASE WHEN w.failed IS NOT NULL OR s.LAST_ERROR_NUMBER > 0 AND s.SERVICE_STATE <> 'ON' THEN 'error'
                    WHEN s.SERVICE_STATE = 'CONNECTING' THEN 'connecting'
                    WHEN s.SERVICE_STATE = 'OFF' OR a.SERVICE_STATE = 'OFF' THEN 'stopped'
                    ELSE 'streaming' END AS state,
               s.SERVICE_STATE AS receiver,
               a.SERVICE_STATE AS applier,
               CASE WHEN a.SERVICE_STATE <> 'ON' THEN NULL
                    WHEN w.applying > '1970-01-02'
                    THEN GREATEST(TIMESTAMPDIFF(MICROSECOND, w.applying, UTC_TIMESTAMP(6)), 0) DIV 1000
                    WHEN s.SERVICE_STATE = 'ON' AND s.QUEUEING_TRANSACTION = ''
                         AND (s.LAST_QUEUED_TRANSACTION = '' OR w.last_applied = s.LAST_QUEUED_TRANSACTION)
                    THEN 0 END AS lag_ms,
               'original commit timestamp' AS lag_source,
               a.SERVICE_STATE = 'OFF' AS paused,
               f.DESIRED_DELAY * 1000 AS delay_ms,
               NULLIF(w.failed, '') AS error,
               NULLIF(s.LAST_ERROR_MESSAGE, '') AS receiver_error
          FROM performance_schema.replication_connection_configuration c
          JOIN performance_schema.replication_connection_status s ON s.CHANNEL_NAME = c.CHANNEL_NAME
          JOIN performance_schema.replication_applier_configuration f ON f.CHANNEL_NAME = c.CHANNEL_NAME
          JOIN performance_schema.replication_applier_status a ON a.CHANNEL_NAME = c.CHANNEL_NAME
          LEFT JOIN (SELECT v.CHANNEL_NAME AS channel,
                            MIN(NULLIF(v.APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, 0)) AS applying,
                            SUBSTRING_INDEX(GROUP_CONCAT(v.LAST_APPLIED_TRANSACTION
                              ORDER BY v.LAST_APPLIED_TRANSACTION_END_APPLY_TIMESTAMP DESC), ',', 1) AS last_applied,
                            MAX(IF(v.LAST_ERROR_NUMBER > 0, v.LAST_ERROR_MESSAGE, NULL)) AS failed
                       FROM performance_schema.replication_applier_status_by_worker v
                      GROUP BY v.CHANNEL_NAME) w ON w.channel = c.CHANNEL_NAME
         WHERE c.HOST <> ''
         UNION ALL
        SELECT 'downstream', COALESCE(NULLIF(p.HOST, ''), t.PROCESSLIST_HOST), t.PROCESSLIST_USER, 'streaming',
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
          FROM performance_schema.threads t
          LEFT JOIN performance_schema.processlist p ON p.ID = t.PROCESSLIST_ID
         WHERE t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%') r
 LIMIT :rows
