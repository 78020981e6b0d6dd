-- probe: sessions   lane: fast   every: 1s   timeout: 800ms   rows: 2000
-- versions: postgres 13     needs: pg_monitor | else: other users' states, addresses and statements are hidden
-- column: id key count · started key time · user label · db label · app label · client label
-- column: kind state · state state · command label · wait_type label · wait label
-- column: xact_ms duration · query_ms duration · state_ms duration
-- column: leader count · rows_locked count · rows_modified count · progress percent · phase label
-- column: query sqltext · query_bytes bytes · query_id label · xact_guard time · query_guard time
-- column: superuser bool · sync_wait bool · own bool · backend_xmin_age count
--
-- From the function and not from pg_stat_activity, which joins pg_database and pg_authid and dies of
-- lock_timeout while one of them is locked. dbatop puts names into the columns @names: {d16384} is a database,
-- {r10} a role. dbatop.superusers is a setting of its own session; without it the column is NULL.
-- A statement is in its own database's encoding: left() fails the whole probe when it ends in half a character of
-- ours, so it is cut as bytes, and dbatop reads columns @bytes back from the escape format.
-- Idle sessions come as they are: sorting hundreds by age took a fifth of the time.
-- LIMIT 64 tells the planner that few sessions report progress: else it hashes all sessions to find them.
SELECT s.pid AS id,
       s.backend_start::text AS started,
       '{r' || s.usesysid || '}' AS "user@names",
       '{d' || s.datid || '}' AS "db@names",
       NULLIF(s.application_name, '') AS app,
       CASE WHEN s.client_addr IS NOT NULL AND family(s.client_addr) = 6
            THEN '[' || host(s.client_addr) || ']:' || s.client_port
            WHEN s.client_addr IS NOT NULL THEN host(s.client_addr) || ':' || s.client_port
            WHEN s.client_port = -1 THEN 'local' END AS client,
       CASE s.backend_type
            WHEN 'client backend' THEN 'client'
            WHEN 'parallel worker' THEN 'parallel worker'
            WHEN 'autovacuum worker' THEN 'autovacuum'
            WHEN 'walsender' THEN 'walsender'
            WHEN 'walreceiver' THEN 'replication'
            WHEN 'autovacuum launcher' THEN 'system'
            WHEN 'background writer' THEN 'system'
            WHEN 'checkpointer' THEN 'system'
            WHEN 'startup' THEN 'system'
            WHEN 'walwriter' THEN 'system'
            WHEN 'archiver' THEN 'system'
            WHEN 'logger' THEN 'system'
            WHEN 'walsummarizer' THEN 'system'
            WHEN 'slotsync worker' THEN 'system'
            WHEN 'io worker' THEN 'system'
            ELSE CASE WHEN s.backend_type LIKE 'logical replication %' THEN 'replication'
                      WHEN s.backend_type IS NOT NULL THEN 'background' END
            END AS kind,
       CASE s.state WHEN 'fastpath function call' THEN 'fastpath' ELSE s.state END AS state,
       NULL::text AS command,
       CASE WHEN s.wait_event_type IS NOT NULL THEN s.wait_event_type
            WHEN s.state IN ('active', 'fastpath function call') THEN 'CPU' END AS wait_type,
       s.wait_event AS wait,
       (date_part('epoch', clock_timestamp() - s.xact_start) * 1000)::bigint AS xact_ms,
       CASE WHEN s.state IN ('active', 'fastpath function call')
            THEN (date_part('epoch', clock_timestamp() - s.query_start) * 1000)::bigint END AS query_ms,
       (date_part('epoch', clock_timestamp() - s.state_change) * 1000)::bigint AS state_ms,
       s.leader_pid AS leader,
       NULL::bigint AS rows_locked,
       NULL::bigint AS rows_modified,
       CASE WHEN p.total > 0 THEN least(100.0 * p.done / p.total, 100.0)::float8 END AS progress,
       p.phase,
       CASE WHEN s.backend_type IS NOT NULL
            THEN NULLIF(encode(substring(textsend(s.query), 1,
                 CASE WHEN starts_with(s.application_name, 'dbatop/') THEN 200 ELSE 4096 END), 'escape'), '')
            END AS "query@bytes",
       CASE WHEN s.backend_type IS NOT NULL THEN octet_length(s.query) END AS query_bytes,
       NULL::text AS query_id,
       s.xact_start::text AS xact_guard,
       s.query_start::text AS query_guard,
       s.usesysid = ANY ((SELECT NULLIF(current_setting('dbatop.superusers', true), '')::oid[])::oid[])
           AS superuser,
       s.wait_event = 'SyncRep' AS sync_wait,
       coalesce(starts_with(s.application_name, 'dbatop/'), false) AS own,
       age(s.backend_xmin) AS backend_xmin_age
  FROM pg_stat_get_activity(NULL) s
  LEFT JOIN (
       SELECT v.pid, v.param2 AS total, CASE WHEN v.param1 < 2 THEN v.param3 END AS done,
              'vacuum: ' || CASE v.param1 WHEN 0 THEN 'initializing' WHEN 1 THEN 'scanning heap'
                   WHEN 2 THEN 'vacuuming indexes' WHEN 3 THEN 'vacuuming heap' WHEN 4 THEN 'cleaning up indexes'
                   WHEN 5 THEN 'truncating heap' WHEN 6 THEN 'final cleanup' END AS phase
         FROM pg_stat_get_progress_info('VACUUM') v
       UNION ALL
       SELECT n.pid, n.param2, CASE WHEN n.param1 IN (1, 2) THEN n.param3 END,
              'analyze: ' || CASE n.param1 WHEN 0 THEN 'initializing' WHEN 1 THEN 'sampling rows'
                   WHEN 2 THEN 'sampling inherited rows' WHEN 3 THEN 'computing statistics'
                   WHEN 4 THEN 'computing extended statistics' WHEN 5 THEN 'finalizing' END
         FROM pg_stat_get_progress_info('ANALYZE') n
       UNION ALL
       SELECT i.pid, CASE WHEN i.param16 > 0 THEN i.param16 ELSE i.param12 END,
              CASE WHEN i.param16 > 0 THEN i.param17 ELSE i.param13 END,
              CASE WHEN i.param1 IN (3, 4) THEN 'reindex: ' ELSE 'create index: ' END
              || CASE i.param10 WHEN 0 THEN 'initializing' WHEN 1 THEN 'waiting for writers before build'
                   WHEN 2 THEN 'building' WHEN 3 THEN 'waiting for writers before validation'
                   WHEN 4 THEN 'validation: scanning index' WHEN 5 THEN 'validation: sorting'
                   WHEN 6 THEN 'validation: scanning table' WHEN 7 THEN 'waiting for old snapshots'
                   WHEN 8 THEN 'waiting for readers before marking dead'
                   WHEN 9 THEN 'waiting for readers before dropping' END
         FROM pg_stat_get_progress_info('CREATE INDEX') i
       UNION ALL
       SELECT c.pid, c.param6, CASE WHEN c.param2 = 1 THEN c.param7 END,
              CASE c.param1 WHEN 1 THEN 'cluster: ' ELSE 'rewrite: ' END
              || CASE c.param2 WHEN 0 THEN 'initializing' WHEN 1 THEN 'seq scanning heap'
                   WHEN 2 THEN 'index scanning heap' WHEN 3 THEN 'sorting tuples' WHEN 4 THEN 'writing new heap'
                   WHEN 5 THEN 'swapping files' WHEN 6 THEN 'rebuilding index' WHEN 7 THEN 'final cleanup' END
         FROM pg_stat_get_progress_info('CLUSTER') c
       UNION ALL
       SELECT b.pid, CASE WHEN b.param2 > 0 THEN b.param2 END, b.param3,
              'base backup: ' || CASE b.param1 WHEN 0 THEN 'initializing' WHEN 1 THEN 'waiting for checkpoint'
                   WHEN 2 THEN 'estimating size' WHEN 3 THEN 'streaming files' WHEN 4 THEN 'waiting for archiving'
                   WHEN 5 THEN 'transferring wal' END
         FROM pg_stat_get_progress_info('BASEBACKUP') b
       LIMIT 64) p ON p.pid = s.pid
 ORDER BY CASE WHEN s.wait_event_type = 'Lock' OR starts_with(s.state, 'idle in') THEN 0
               WHEN s.xact_start IS NOT NULL AND s.backend_type IS DISTINCT FROM 'walsender' THEN 1
               WHEN s.state = 'active' THEN 2
               WHEN s.backend_type IS NULL THEN 3
               WHEN s.state = 'idle' THEN 5
               ELSE 4 END,
          CASE WHEN s.state <> 'idle' THEN coalesce(s.xact_start, s.query_start, s.backend_start) END
 LIMIT :rows
