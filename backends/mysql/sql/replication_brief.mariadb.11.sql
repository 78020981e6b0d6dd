-- probe: replication_brief   lane: fast   every: 2s   timeout: 800ms   rows: 100
-- versions: mariadb 11.6-11
-- needs: REPLICA MONITOR (SLAVE MONITOR) | else: upstream servers are unknown
-- column: kind state key · peer label key · name label · state state · receiver state · applier state
-- column: lag_ms duration · lag_bytes bytes · lag_source label · paused bool · delay_ms duration
-- column: error label · lsn lsn · receiver_error label · gtid label
--
-- The lag is that of the event being applied; it is unknown while the applier is stopped.
SELECT r.kind AS kind, r.peer AS peer, r.name AS name, r.state AS state, r.receiver AS receiver,
       r.applier AS applier, r.lag_ms AS lag_ms, NULL AS lag_bytes, r.lag_source AS lag_source,
       r.paused AS paused, r.delay_ms AS delay_ms, r.error AS error, NULL AS lsn,
       r.receiver_error AS receiver_error, r.gtid AS gtid
  FROM (SELECT 'upstream' AS kind,
               CONCAT(s.Master_Host, ':', s.Master_Port) AS peer,
               s.Connection_name AS name,
               CASE WHEN s.Last_SQL_Errno > 0 OR s.Last_IO_Errno > 0 AND s.Slave_IO_Running <> 'Yes' THEN 'error'
                    WHEN s.Slave_IO_Running = 'No' OR s.Slave_SQL_Running = 'No' THEN 'stopped'
                    WHEN s.Slave_IO_Running <> 'Yes' THEN 'connecting'
                    ELSE 'streaming' END AS state,
               s.Slave_IO_Running AS receiver,
               s.Slave_SQL_Running AS applier,
               s.Seconds_Behind_Master * 1000 AS lag_ms,
               'Seconds_Behind_Master' AS lag_source,
               s.Slave_SQL_Running = 'No' AS paused,
               s.SQL_Delay * 1000 AS delay_ms,
               NULLIF(s.Last_SQL_Error, '') AS error,
               NULLIF(s.Last_IO_Error, '') AS receiver_error,
               s.Gtid_Slave_Pos AS gtid
          FROM information_schema.SLAVE_STATUS s
         UNION ALL
        SELECT 'downstream', p.HOST, p.USER, 'streaming', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
          FROM information_schema.PROCESSLIST p
         WHERE p.COMMAND LIKE 'Binlog Dump%') r
 LIMIT :rows
