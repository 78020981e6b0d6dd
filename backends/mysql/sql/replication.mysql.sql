-- probe: replication   lane: fast   every: 2s   timeout: 800ms   rows: 500   covers: replication_brief
-- versions: mysql 8.0.22-9.7
-- needs: SELECT on performance_schema | else: replication is unknown
-- column: kind state key · name label key · peer label key · peer_id label · state state · receiver state
-- column: applier state · pid count · own_id label · gtid label · received label · lag_ms duration
-- column: lag_source label · hop_ms duration · word_ms duration · word_limit_ms duration · paused bool
-- column: delay_ms duration · sync_state state · sync_clients count · workers count · workers_busy count
-- column: user label · error label · error_code count · receiver_error label · receiver_code count
--
-- One row of kind node for this server, an upstream row for each channel, a downstream row for each session that
-- dumps the binary log, a member row for each member of a replication group.
-- Lag: how long ago the transaction being applied was committed where it began; 0 when all that was received is
-- applied and the receiver has had a word within its heartbeat; else unknown. What was not received yet shows in
-- the transactions that the source has and this server has not: dbatop compares both servers' sets.
SELECT r.kind AS kind, r.name AS name, r.peer AS peer, r.peer_id AS peer_id, r.state AS state, r.receiver AS receiver,
       r.applier AS applier, r.pid AS pid, r.own_id AS own_id, r.gtid AS gtid, r.received AS received,
       r.lag_ms AS lag_ms, r.lag_source AS lag_source, r.hop_ms AS hop_ms, r.word_ms AS word_ms,
       r.word_limit_ms AS word_limit_ms, r.paused AS paused, r.delay_ms AS delay_ms, r.sync_state AS sync_state,
       r.sync_clients AS sync_clients, r.workers AS workers, r.workers_busy AS workers_busy, r.user AS user,
       r.error AS error, r.error_code AS error_code, r.receiver_error AS receiver_error,
       r.receiver_code AS receiver_code
  FROM (SELECT 'node' AS kind, NULL AS name, NULL AS peer, NULL AS peer_id,
               IF(@@global.read_only, 'read only', 'writable') AS state, NULL AS receiver, NULL AS applier, NULL AS pid,
               @@server_uuid AS own_id, @@global.gtid_executed AS gtid, NULL AS received,
               NULL AS lag_ms, NULL AS lag_source, NULL AS hop_ms, NULL AS word_ms, NULL AS word_limit_ms,
               NULL AS paused, NULL AS delay_ms,
               (SELECT LOWER(MAX(v.VARIABLE_VALUE)) FROM performance_schema.global_status v
                 WHERE v.VARIABLE_NAME IN ('Rpl_semi_sync_source_status', 'Rpl_semi_sync_master_status')) AS sync_state,
               (SELECT MAX(v.VARIABLE_VALUE) FROM performance_schema.global_status v
                 WHERE v.VARIABLE_NAME IN ('Rpl_semi_sync_source_clients', 'Rpl_semi_sync_master_clients'))
                   AS sync_clients,
               NULL AS workers, NULL AS workers_busy, NULL AS user, NULL AS error, NULL AS error_code,
               NULL AS receiver_error, NULL AS receiver_code
         UNION ALL
        SELECT 'upstream', c.CHANNEL_NAME, CONCAT(c.HOST, ':', c.PORT), NULLIF(s.SOURCE_UUID, ''),
               CASE WHEN w.failed > 0 OR s.LAST_ERROR_NUMBER > 0 AND s.SERVICE_STATE <> 'ON' THEN 'error'
                    WHEN s.SERVICE_STATE = 'CONNECTING' THEN 'connecting'
                    WHEN s.SERVICE_STATE = 'OFF' OR a.SERVICE_STATE = 'OFF' THEN 'stopped'
                    ELSE 'streaming' END,
               s.SERVICE_STATE, a.SERVICE_STATE, NULL, NULL, NULL, s.RECEIVED_TRANSACTION_SET,
               CASE WHEN a.SERVICE_STATE <> 'ON' THEN NULL
                    WHEN w.applying > '1970-01-02'
                    THEN GREATEST(TIMESTAMPDIFF(MICROSECOND, w.applying, UTC_TIMESTAMP(6)), 0) DIV 1000
                    WHEN s.SERVICE_STATE = 'ON' AND s.QUEUEING_TRANSACTION = ''
                         AND (s.LAST_QUEUED_TRANSACTION = '' OR w.last_applied = s.LAST_QUEUED_TRANSACTION)
                    THEN 0 END,
               CASE WHEN w.applying > '1970-01-02' THEN 'original commit timestamp'
                    ELSE 'all received is applied' END,
               CASE WHEN w.applying_here > '1970-01-02'
                    THEN GREATEST(TIMESTAMPDIFF(MICROSECOND, w.applying_here, UTC_TIMESTAMP(6)), 0) DIV 1000 END,
               GREATEST(TIMESTAMPDIFF(MICROSECOND, NULLIF(GREATEST(s.LAST_HEARTBEAT_TIMESTAMP,
                        s.LAST_QUEUED_TRANSACTION_END_QUEUE_TIMESTAMP), 0), UTC_TIMESTAMP(6)), 0) DIV 1000,
               CAST(c.HEARTBEAT_INTERVAL * 1000 AS SIGNED),
               a.SERVICE_STATE = 'OFF', f.DESIRED_DELAY * 1000, NULL, NULL,
               w.workers, w.busy, c.USER,
               NULLIF(w.message, ''), NULLIF(w.failed, 0),
               NULLIF(s.LAST_ERROR_MESSAGE, ''), NULLIF(s.LAST_ERROR_NUMBER, 0)
          FROM performance_schema.replication_connection_configuration c
          JOIN performance_schema.replication_connection_status s ON s.CHANNEL_NAME = c.CHANNEL_NAME
          JOIN performance_schema.replication_applier_configuration f ON f.CHANNEL_NAME = c.CHANNEL_NAME
          JOIN performance_schema.replication_applier_status a ON a.CHANNEL_NAME = c.CHANNEL_NAME
          LEFT JOIN (SELECT v.CHANNEL_NAME AS channel, COUNT(*) AS workers,
                            SUM(v.APPLYING_TRANSACTION <> '') AS busy,
                            MIN(NULLIF(v.APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, 0)) AS applying,
                            MIN(NULLIF(v.APPLYING_TRANSACTION_IMMEDIATE_COMMIT_TIMESTAMP, 0)) AS applying_here,
                            SUBSTRING_INDEX(GROUP_CONCAT(v.LAST_APPLIED_TRANSACTION
                              ORDER BY v.LAST_APPLIED_TRANSACTION_END_APPLY_TIMESTAMP DESC), ',', 1) AS last_applied,
                            MAX(v.LAST_ERROR_NUMBER) AS failed,
                            MAX(IF(v.LAST_ERROR_NUMBER > 0, LEFT(v.LAST_ERROR_MESSAGE, 1024), NULL)) AS message
                       FROM performance_schema.replication_applier_status_by_worker v
                      GROUP BY v.CHANNEL_NAME) w ON w.channel = c.CHANNEL_NAME
         WHERE c.HOST <> ''
         UNION ALL
        SELECT 'downstream', NULL, COALESCE(NULLIF(p.HOST, ''), t.PROCESSLIST_HOST),
               (SELECT CONVERT(MAX(u.VARIABLE_VALUE) USING utf8mb4) FROM performance_schema.user_variables_by_thread u
                 WHERE u.THREAD_ID = t.THREAD_ID AND u.VARIABLE_NAME IN ('replica_uuid', 'slave_uuid')),
               'streaming', NULL, NULL, t.PROCESSLIST_ID, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               NULL, NULL, NULL, NULL, t.PROCESSLIST_USER, NULL, NULL, NULL, NULL
          FROM performance_schema.threads t
          LEFT JOIN performance_schema.processlist p ON p.ID = t.PROCESSLIST_ID
         WHERE t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%'
         UNION ALL
        SELECT 'member', m.CHANNEL_NAME, CONCAT(m.MEMBER_HOST, ':', m.MEMBER_PORT), m.MEMBER_ID,
               LOWER(m.MEMBER_STATE), LOWER(m.MEMBER_ROLE), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
          FROM performance_schema.replication_group_members m
         WHERE m.MEMBER_ID <> '') r
 LIMIT :rows
