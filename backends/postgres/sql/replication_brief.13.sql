-- probe: replication_brief   lane: fast   every: 2s   timeout: 800ms   rows: 100
-- versions: postgres 13     needs: pg_monitor | else: the state and lag of each link are unknown
-- column: kind key state · peer key label · name label · state state · receiver state · applier state
-- column: lag_ms duration · lag_bytes bytes · lag_source label · paused bool · delay_ms duration
-- column: error label · replay_lsn lsn
--
-- A primary has a downstream row for each standby, a standby an upstream row as well. An interval of lag is NULL
-- for a standby that has nothing to replay: with equal positions that is 0, with a gap it is unknown. A standby by
-- itself knows only what it received: with nothing left to replay it has caught up as of the last word from
-- upstream, and after 35 s without one (the keepalive comes every 30 s) its lag is unknown.
-- Aurora raises an error in the functions about WAL receiving, so they are not called there.
WITH r AS MATERIALIZED (
     SELECT pg_is_in_recovery() AS standby,
            coalesce(current_setting('dbatop.aurora', true), 'false') = 'true' AS aurora
), p AS MATERIALIZED (
     SELECT CASE WHEN r.aurora THEN NULL::pg_lsn WHEN r.standby THEN pg_last_wal_receive_lsn()
                 ELSE pg_current_wal_lsn() END AS head,
            CASE WHEN r.standby AND NOT r.aurora THEN pg_last_wal_replay_lsn() END AS replayed,
            CASE WHEN r.standby AND NOT r.aurora THEN pg_last_xact_replay_timestamp() END AS replayed_at,
            CASE WHEN r.standby AND NOT r.aurora THEN 
                 CASE WHEN pg_is_wal_replay_paused() THEN 'paused' ELSE 'not paused' END END AS pause,
            (date_part('epoch', current_setting('recovery_min_apply_delay')::interval) * 1000)::bigint AS delay_ms
       FROM r
), u AS (
     SELECT w.pid, w.status, w.sender_host, w.sender_port, w.slot_name,
            clock_timestamp() - w.last_msg_receipt_time <= interval '35 s' AS fresh
       FROM (SELECT r.standby FROM r WHERE r.standby AND NOT r.aurora) x
       LEFT JOIN pg_stat_get_wal_receiver() w ON w.pid IS NOT NULL
)
SELECT 'upstream' AS kind,
       u.sender_host || ':' || u.sender_port AS peer,
       u.slot_name AS name,
       CASE WHEN p.pause IN ('paused', 'pause requested') THEN 'paused'
            WHEN u.pid IS NULL THEN 'stopped'
            WHEN u.status IN ('starting', 'restarting', 'waiting', 'connecting') THEN 'connecting'
            ELSE u.status END AS state,
       CASE WHEN u.pid IS NULL THEN 'stopped' ELSE u.status END AS receiver,
       CASE p.pause WHEN 'not paused' THEN 'running' ELSE p.pause END AS applier,
       CASE WHEN p.replayed < p.head
            THEN (date_part('epoch', clock_timestamp() - p.replayed_at) * 1000)::bigint
            WHEN u.fresh THEN 0 END AS lag_ms,
       CASE WHEN p.replayed < p.head OR u.fresh
            THEN greatest(pg_wal_lsn_diff(p.head, p.replayed), 0)::bigint END AS lag_bytes,
       CASE WHEN p.replayed < p.head THEN 'last replayed commit'
            WHEN u.fresh THEN 'all received is replayed'
            WHEN u.pid IS NULL THEN 'unknown: no receiver'
            WHEN u.fresh IS NULL THEN 'unknown: hidden'
            ELSE 'unknown: no word from upstream for 35 s' END AS lag_source,
       p.pause IN ('paused', 'pause requested') AS paused,
       p.delay_ms,
       NULL::text AS error,
       pg_wal_lsn_diff(p.replayed, '0/0')::bigint AS replay_lsn
  FROM u, p
UNION ALL
SELECT 'downstream',
       coalesce(CASE WHEN family(s.client_addr) = 6 THEN '[' || host(s.client_addr) || ']'
                     ELSE host(s.client_addr) END || ':' || s.client_port,
                CASE WHEN s.client_port = -1 THEN 'local, pid ' || s.pid END),
       NULLIF(s.application_name, ''), x.state, NULL, NULL,
       CASE WHEN x.replay_lag IS NOT NULL THEN (date_part('epoch', x.replay_lag) * 1000)::bigint
            WHEN x.replay_lsn >= p.head THEN 0 END,
       greatest(pg_wal_lsn_diff(p.head, x.replay_lsn), 0)::bigint,
       CASE WHEN x.replay_lag IS NOT NULL THEN 'replay_lag'
            WHEN x.replay_lsn >= p.head THEN 'all sent is replayed'
            WHEN x.state IS NULL THEN 'unknown: hidden'
            ELSE 'unknown: no commit was measured lately' END,
       NULL, NULL, NULL,
       pg_wal_lsn_diff(x.replay_lsn, '0/0')::bigint
  FROM pg_stat_get_wal_senders() x
  JOIN LATERAL pg_stat_get_activity(x.pid) s ON true
 CROSS JOIN p
 WHERE x.state IS DISTINCT FROM 'backup'
 ORDER BY 1 DESC, 2, 3
 LIMIT :rows
