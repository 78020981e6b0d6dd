-- probe: replication   lane: fast   every: 2s   timeout: 800ms   rows: 500   covers: replication_brief
-- versions: postgres 14-18     needs: pg_monitor | else: the state and lag of each link are unknown
-- column: kind key state · name key label · peer key label · state state · receiver state · applier state
-- column: pid count · started time · lsn lsn · write_lsn lsn · flush_lsn lsn · replay_lsn lsn
-- column: write_ms duration · flush_ms duration · replay_ms duration · replay_age_ms duration · word_ms duration
-- column: lag_ms duration · lag_bytes bytes · lag_source label · paused bool · delay_ms duration
-- column: timeline count · sync_state state · sync_names label · sync_commit state
-- column: slot_name label · slot_type state · plugin label · db label · active bool
-- column: wal_status state · retained_bytes bytes · limit_bytes bytes · safe_bytes bytes · inactive_ms duration
-- column: invalidation label · conflict label · conflict_ms duration · user label · app label · error label
-- column: failures label
--
-- One row of kind node for this server, an upstream row on a standby, a downstream row for each walsender, a
-- row for each slot and subscription, and a row of kind reader for the session that recovery waits for.
-- Positions are this server's own, in one statement: what a link has left to send, write, flush and replay is
-- their difference. What a standby has replayed is compared with the head its primary reports to us, so that a
-- cut network shows. From the functions, not the views: those wait for a lock on pg_database.
-- What only a standby, or only recovery that waits, makes worth asking stands behind a condition in brackets: a join
-- the planner turns round, and then a primary goes through all its sessions and locks for nothing.
-- Columns of slots that only some versions have are taken by name. Aurora raises an error in the functions
-- about WAL receiving; it is asked by its own function, as text, since it exists nowhere else. Not tested.
-- The failures of subscriptions are counted since 15, and asked for as text too.
WITH r AS MATERIALIZED (
     SELECT pg_is_in_recovery() AS standby,
            coalesce(current_setting('dbatop.aurora', true), 'false') = 'true' AS aurora,
            pg_has_role('pg_read_all_settings', 'usage') AS settings
), p AS MATERIALIZED (
     SELECT r.standby, r.aurora,
            CASE WHEN r.aurora THEN NULL::pg_lsn
                 WHEN r.standby THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                 ELSE pg_current_wal_lsn() END AS head,
            CASE WHEN r.standby AND NOT r.aurora THEN pg_last_wal_replay_lsn() END AS replayed,
            CASE WHEN r.standby AND NOT r.aurora THEN pg_last_xact_replay_timestamp() END AS replayed_at,
            CASE WHEN r.standby AND NOT r.aurora THEN pg_get_wal_replay_pause_state() END AS pause,
            CASE WHEN r.standby AND NOT r.aurora AND r.settings THEN current_setting('primary_conninfo') END AS upstream,
            CASE WHEN r.standby AND NOT r.aurora THEN NULLIF(current_setting('primary_slot_name'), '') END AS slot_name,
            NULLIF(pg_size_bytes(current_setting('max_slot_wal_keep_size')), -1) AS slot_limit
       FROM r
), w AS (
     SELECT v.pid, v.status, v.sender_host, v.sender_port, v.written_lsn, v.flushed_lsn, v.received_tli,
            v.last_msg_receipt_time, v.slot_name,
            clock_timestamp() - v.last_msg_receipt_time <= interval '35 s' AS fresh
       FROM r CROSS JOIN LATERAL pg_stat_get_wal_receiver() v
      WHERE r.standby AND NOT r.aurora AND v.pid IS NOT NULL
), s AS (
     SELECT a.pid, a.wait_event_type, a.wait_event
       FROM pg_stat_get_activity(NULL) a
      WHERE (SELECT r.standby AND NOT r.aurora FROM r) AND a.backend_type = 'startup'
), k AS MATERIALIZED (
     SELECT s.pid, s.wait_event, l.locktype, l.database, l.relation, l.virtualxid, l.transactionid, l.waitstart
       FROM s
       LEFT JOIN pg_locks l ON l.pid = s.pid AND NOT l.granted AND s.wait_event_type = 'Lock'
      WHERE s.wait_event_type = 'Lock' OR s.wait_event LIKE 'RecoveryConflict%' OR s.wait_event_type = 'BufferPin'
      LIMIT 1
), d AS (
     SELECT h.pid AS reader
       FROM k JOIN pg_locks h ON h.granted AND h.pid <> k.pid AND h.locktype = k.locktype
                             AND h.database IS NOT DISTINCT FROM k.database
                             AND h.relation IS NOT DISTINCT FROM k.relation
                             AND h.virtualxid IS NOT DISTINCT FROM k.virtualxid
      WHERE (SELECT k.locktype IS NOT NULL FROM k)
     UNION ALL
     (SELECT a.pid FROM pg_stat_get_activity(NULL) a
       WHERE (SELECT k.locktype IS NULL FROM k) AND a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
       ORDER BY age(a.backend_xmin) DESC, a.xact_start LIMIT 1)
), cancelled AS (
     -- Readers that replay ended so far, by what was in its way; one row on a primary as well.
     SELECT NULLIF(concat_ws(', ',
                NULLIF(sum(pg_stat_get_db_conflict_snapshot(o)), 0) || ' over removed rows',
                NULLIF(sum(pg_stat_get_db_conflict_lock(o)), 0) || ' over locks',
                NULLIF(sum(pg_stat_get_db_conflict_bufferpin(o)), 0) || ' over pages',
                NULLIF(sum(pg_stat_get_db_conflict_startup_deadlock(o)), 0) || ' over deadlocks',
                NULLIF(sum(pg_stat_get_db_conflict_tablespace(o)), 0) || ' over tablespaces'), '') AS failures
       FROM unnest(NULLIF(current_setting('dbatop.databases', true), '')::oid[]) o
      WHERE (SELECT r.standby AND NOT r.aurora FROM r)
)
SELECT 'node' AS kind, NULL::text AS name, NULL::text AS peer,
       CASE WHEN p.standby THEN 'replica' ELSE 'primary' END AS state,
       NULL::text AS receiver, NULL::text AS applier, NULL::int AS pid, NULL::text AS started,
       pg_wal_lsn_diff(p.head, '0/0')::bigint AS lsn, NULL::bigint AS write_lsn, NULL::bigint AS flush_lsn,
       pg_wal_lsn_diff(p.replayed, '0/0')::bigint AS replay_lsn,
       NULL::bigint AS write_ms, NULL::bigint AS flush_ms, NULL::bigint AS replay_ms,
       NULL::bigint AS replay_age_ms, NULL::bigint AS word_ms, NULL::bigint AS lag_ms, NULL::bool AS paused,
       NULL::bigint AS delay_ms,
       CASE WHEN p.aurora THEN NULL::bigint
            WHEN p.standby THEN coalesce((SELECT w.received_tli FROM w), (SELECT c.timeline_id FROM pg_control_checkpoint() c))
            ELSE ('x' || left(pg_walfile_name(p.head), 8))::bit(32)::bigint END AS timeline,
       NULL::text AS sync_state,
       CASE WHEN NOT p.standby THEN NULLIF(current_setting('synchronous_standby_names'), '') END AS sync_names,
       current_setting('synchronous_commit') AS sync_commit,
       NULL::text AS slot_name, NULL::text AS slot_type, NULL::text AS plugin, NULL::text AS db, NULL::bool AS active,
       NULL::text AS wal_status, NULL::bigint AS retained_bytes, NULL::bigint AS limit_bytes, NULL::bigint AS safe_bytes,
       NULL::bigint AS inactive_ms, NULL::text AS invalidation, NULL::text AS conflict, NULL::bigint AS conflict_ms,
       NULL::text AS user, NULLIF(current_setting('cluster_name', true), '') AS app, NULL::text AS error,
       NULL::bigint AS lag_bytes, NULL::text AS lag_source, cancelled.failures
  FROM p CROSS JOIN cancelled
UNION ALL
SELECT 'upstream', NULL,
       coalesce(w.sender_host || ':' || w.sender_port,
                substring(p.upstream from '\mhost\s*=\s*''?([^'' ]+)') || ':'
                    || coalesce(substring(p.upstream from '\mport\s*=\s*''?(\d+)'), '5432')),
       CASE WHEN p.pause IN ('paused', 'pause requested') THEN 'paused'
            WHEN w.pid IS NULL THEN 'stopped'
            WHEN w.status IN ('starting', 'restarting', 'waiting', 'connecting') THEN 'connecting'
            ELSE w.status END,
       CASE WHEN w.pid IS NULL THEN 'stopped' ELSE w.status END,
       CASE p.pause WHEN 'not paused' THEN 'running' ELSE p.pause END,
       w.pid, NULL,
       pg_wal_lsn_diff(p.head, '0/0')::bigint, pg_wal_lsn_diff(w.written_lsn, '0/0')::bigint,
       pg_wal_lsn_diff(w.flushed_lsn, '0/0')::bigint, pg_wal_lsn_diff(p.replayed, '0/0')::bigint,
       NULL, NULL, NULL,
       (date_part('epoch', clock_timestamp() - p.replayed_at) * 1000)::bigint,
       (date_part('epoch', clock_timestamp() - w.last_msg_receipt_time) * 1000)::bigint,
       CASE WHEN p.replayed < p.head THEN (date_part('epoch', clock_timestamp() - p.replayed_at) * 1000)::bigint
            WHEN w.fresh THEN 0 END,
       p.pause IN ('paused', 'pause requested'),
       (date_part('epoch', current_setting('recovery_min_apply_delay')::interval) * 1000)::bigint,
       w.received_tli, NULL, NULL, NULL, coalesce(w.slot_name, p.slot_name), NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL,
       coalesce(k.wait_event, k.locktype) || coalesce(' ' || k.relation::regclass::text, ''),
       (date_part('epoch', clock_timestamp() - k.waitstart) * 1000)::bigint, NULL, NULL, NULL,
       CASE WHEN p.replayed < p.head OR w.fresh
            THEN greatest(pg_wal_lsn_diff(p.head, p.replayed), 0)::bigint END,
       CASE WHEN p.replayed < p.head THEN 'last replayed commit'
            WHEN w.fresh THEN 'all received is replayed'
            WHEN w.pid IS NULL THEN 'unknown: no receiver'
            WHEN w.fresh IS NULL THEN 'unknown: hidden'
            ELSE 'unknown: no word from upstream for 35 s' END, NULL
  FROM p LEFT JOIN w ON true LEFT JOIN k ON true
 WHERE p.standby AND NOT p.aurora
UNION ALL
SELECT 'downstream', NULLIF(a.application_name, ''),
       coalesce(CASE WHEN family(a.client_addr) = 6 THEN '[' || host(a.client_addr) || ']'
                     ELSE host(a.client_addr) END || ':' || a.client_port,
                CASE WHEN a.client_port = -1 THEN 'local, pid ' || a.pid END),
       x.state, NULL, NULL, x.pid, a.backend_start::text,
       pg_wal_lsn_diff(x.sent_lsn, '0/0')::bigint, pg_wal_lsn_diff(x.write_lsn, '0/0')::bigint,
       pg_wal_lsn_diff(x.flush_lsn, '0/0')::bigint, pg_wal_lsn_diff(x.replay_lsn, '0/0')::bigint,
       (date_part('epoch', x.write_lag) * 1000)::bigint, (date_part('epoch', x.flush_lag) * 1000)::bigint,
       (date_part('epoch', x.replay_lag) * 1000)::bigint, NULL,
       (date_part('epoch', clock_timestamp() - x.reply_time) * 1000)::bigint,
       CASE WHEN x.replay_lag IS NOT NULL THEN (date_part('epoch', x.replay_lag) * 1000)::bigint
            WHEN x.replay_lsn >= p.head THEN 0 END,
       NULL, NULL, NULL, x.sync_state, NULL, NULL,
       (SELECT l.slot_name FROM pg_get_replication_slots() l WHERE l.active_pid = x.pid LIMIT 1),
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       greatest(pg_wal_lsn_diff(p.head, x.replay_lsn), 0)::bigint,
       CASE WHEN x.replay_lag IS NOT NULL THEN 'replay_lag'
            WHEN x.replay_lsn >= p.head THEN 'all sent is replayed'
            WHEN x.state IS NULL THEN 'unknown: hidden'
            ELSE 'unknown: no commit was measured lately' END, NULL
  FROM pg_stat_get_wal_senders() x
  JOIN LATERAL pg_stat_get_activity(x.pid) a ON true
 CROSS JOIN p
UNION ALL
SELECT 'slot', l.slot_name, NULL,
       CASE WHEN l.active THEN 'active' ELSE 'inactive' END, NULL, NULL, l.active_pid, NULL,
       pg_wal_lsn_diff(l.restart_lsn, '0/0')::bigint, NULL, pg_wal_lsn_diff(l.confirmed_flush_lsn, '0/0')::bigint,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       l.slot_name, l.slot_type, l.plugin, CASE WHEN l.datoid <> 0 THEN 'database ' || l.datoid END, l.active,
       l.wal_status, greatest(pg_wal_lsn_diff(p.head, l.restart_lsn), 0)::bigint, p.slot_limit, l.safe_wal_size,
       CASE WHEN NOT l.active THEN (date_part('epoch', clock_timestamp()
                - (to_jsonb(l) ->> 'inactive_since')::timestamptz) * 1000)::bigint END,
       coalesce(to_jsonb(l) ->> 'invalidation_reason',
                CASE WHEN to_jsonb(l) ->> 'conflicting' = 'true' THEN 'conflicts with recovery' END),
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM pg_get_replication_slots() l CROSS JOIN p
UNION ALL
SELECT 'subscription', c.subname, NULL,
       CASE WHEN NOT c.subenabled THEN 'disabled' WHEN v.pid IS NULL THEN 'stopped' ELSE 'streaming' END, NULL, NULL,
       v.pid, NULL,
       pg_wal_lsn_diff(v.received_lsn, '0/0')::bigint, NULL, NULL, pg_wal_lsn_diff(v.latest_end_lsn, '0/0')::bigint,
       NULL, NULL, NULL, NULL, (date_part('epoch', clock_timestamp() - v.last_msg_receipt_time) * 1000)::bigint,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, c.subslotname::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULLIF(concat_ws(', ', n.applying || ' while applying', n.copying || ' while copying'), '')
  FROM pg_subscription c
  LEFT JOIN LATERAL (SELECT t.pid, t.received_lsn, t.latest_end_lsn, t.last_msg_receipt_time
                       FROM pg_stat_get_subscription(c.oid) t WHERE t.relid IS NULL
                      ORDER BY to_jsonb(t) ->> 'leader_pid' NULLS FIRST LIMIT 1) v ON true
  LEFT JOIN LATERAL (SELECT NULLIF(substring(e.stats from '<a>(\d+)<'), '0') AS applying,
                            NULLIF(substring(e.stats from '<s>(\d+)<'), '0') AS copying
                       FROM (SELECT CASE WHEN current_setting('server_version_num')::int >= 150000 THEN query_to_xml(
                                'SELECT apply_error_count AS a, sync_error_count AS s'
                                    || ' FROM pg_stat_get_subscription_stats(' || c.oid || ')',
                                true, false, '')::text END AS stats) e) n ON true
UNION ALL
SELECT 'reader', NULL, NULL, a.state, NULL, NULL, a.pid, a.backend_start::text,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       (date_part('epoch', clock_timestamp() - a.xact_start) * 1000)::bigint,
       pg_get_userbyid(a.usesysid)::text, NULLIF(a.application_name, ''), NULL, NULL, NULL, NULL
  FROM (SELECT d.reader FROM d WHERE d.reader IS NOT NULL LIMIT 5) d
  JOIN LATERAL pg_stat_get_activity(d.reader) a ON true
UNION ALL
SELECT 'downstream', x.server_id, NULL, CASE WHEN x.lag_ms IS NULL THEN NULL ELSE 'streaming' END, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, x.lag_ms::bigint, NULL, NULL, x.lag_ms::bigint, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL
  FROM r
 CROSS JOIN LATERAL XMLTABLE('/table/row' PASSING CASE WHEN r.aurora THEN query_to_xml(
           'SELECT server_id, replica_lag_in_msec AS lag_ms FROM aurora_replica_status()
             WHERE session_id <> ''MASTER_SESSION_ID''', true, false, '') END
           COLUMNS server_id text PATH 'server_id', lag_ms numeric PATH 'lag_ms') x
 WHERE r.aurora AND NOT r.standby
 LIMIT :rows
