-- probe: replication_local   lane: fast   every: 2s   timeout: 800ms   rows: 200
-- versions: mariadb 10.5-11
-- needs: PROCESS | else: replicas that are connected are unknown
-- column: kind state key · name label key · peer label key · state state · pid count · own_id label · gtid label
-- column: received label · sync_state state · sync_clients count · workers count · user label · members label
-- column: error label
--
-- What a MariaDB says of itself: its positions, its semi-sync, the sessions that dump its binary log, and where it
-- is in a Galera cluster (not tested on one).
SELECT r.kind AS kind, r.name AS name, r.peer AS peer, r.state AS state, r.pid AS pid, r.own_id AS own_id,
       r.gtid AS gtid, r.received AS received, r.sync_state AS sync_state, r.sync_clients AS sync_clients,
       r.workers AS workers, r.user AS user, r.members AS members, NULL AS error
  FROM (SELECT 'node' AS kind, NULL AS name, NULL AS peer, IF(@@global.read_only, 'read only', 'writable') AS state,
               NULL AS pid, @@global.server_id AS own_id,
               @@global.gtid_binlog_state AS gtid, @@global.gtid_slave_pos AS received,
               (SELECT LOWER(s.VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS s
                 WHERE s.VARIABLE_NAME = 'RPL_SEMI_SYNC_MASTER_STATUS') AS sync_state,
               (SELECT s.VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS s
                 WHERE s.VARIABLE_NAME = 'RPL_SEMI_SYNC_MASTER_CLIENTS') AS sync_clients,
               @@global.slave_parallel_threads AS workers, NULL AS user, NULL AS members
         UNION ALL
        SELECT 'downstream', p.USER, p.HOST, 'streaming', p.ID, NULL, NULL, NULL, NULL, NULL, NULL, p.USER, NULL
          FROM information_schema.PROCESSLIST p
         WHERE p.COMMAND LIKE 'Binlog Dump%'
         UNION ALL
        SELECT 'member', g.cluster, NULL, LOWER(g.state), NULL, NULL, NULL, NULL, LOWER(g.status), NULL, NULL, NULL,
               g.members
          FROM (SELECT MAX(IF(s.VARIABLE_NAME = 'WSREP_LOCAL_STATE_COMMENT', s.VARIABLE_VALUE, NULL)) AS state,
                       MAX(IF(s.VARIABLE_NAME = 'WSREP_CLUSTER_STATUS', s.VARIABLE_VALUE, NULL)) AS status,
                       MAX(IF(s.VARIABLE_NAME = 'WSREP_CLUSTER_STATE_UUID', s.VARIABLE_VALUE, NULL)) AS cluster,
                       MAX(IF(s.VARIABLE_NAME = 'WSREP_INCOMING_ADDRESSES', s.VARIABLE_VALUE, NULL)) AS members,
                       MAX(IF(s.VARIABLE_NAME = 'WSREP_CLUSTER_SIZE', CAST(s.VARIABLE_VALUE AS SIGNED), 0)) AS size
                  FROM information_schema.GLOBAL_STATUS s
                 WHERE s.VARIABLE_NAME IN ('WSREP_LOCAL_STATE_COMMENT', 'WSREP_CLUSTER_STATUS',
                       'WSREP_CLUSTER_STATE_UUID', 'WSREP_INCOMING_ADDRESSES', 'WSREP_CLUSTER_SIZE')) g
         WHERE g.size > 0) r
 LIMIT :rows
