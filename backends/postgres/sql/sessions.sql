-- probe: sessions   lane: fast   every: 1s   timeout: 800ms   rows: 2000   carries: pulse
-- versions: postgres 13-18     needs: pg_monitor | else: other users' states, addresses and statements are hidden
-- param: since since
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
-- Most sessions are idle and were idle a second ago. One whose state_change is before :since (the moment of an
-- earlier answer; NULL: none) comes as its id and its state_change in microseconds, in kept.ids and kept.stamps of
-- the first row; dbatop has its row under that stamp (kept.stamp) and writes it again. What it does not know comes
-- whole. It gives the moment of the answer before the last, so that a session it has seen in between had settled.
-- All ages are those of one moment, kept.now (looked): with one of its own for each row, a row written again was as much
-- too old as the server had paused between the two.
-- The pass over the sessions is what costs, so this one answers pulse too: the first row is that of pulse.sql.
-- Those that are not left out are aggregated and unnested: storing all of them for several scans cost as much as
-- the pass itself.
-- LIMIT 64 tells the planner that few sessions report progress. Before 14 there is no progress of COPY, and no
-- query_id: the name then means the NULL of the row beside.
WITH p AS MATERIALIZED (
     SELECT array_agg(a.pid) FILTER (WHERE a.kept) AS ids,
            array_agg((date_part('epoch', a.state_change) * 1000000)::bigint) FILTER (WHERE a.kept) AS stamps,
            count(1) FILTER (WHERE a.kept) AS kept,
            clock_timestamp() AS looked,
            array_agg(a.datid) FILTER (WHERE a.kept AND a.limited) AS kept_dbs,
            array_agg(a.usesysid) FILTER (WHERE a.kept AND a.limited) AS kept_roles,
            array_agg(ROW(a.pid, a.datid, a.usesysid, a.application_name, a.client_addr, a.client_port,
                          a.backend_type, a.state, a.wait_event_type, a.wait_event, a.backend_start,
                          a.xact_start, a.query_start, a.state_change, a.leader_pid, a.backend_xmin, a.query,
                          a.query_id))
            FILTER (WHERE NOT a.kept) AS others
       FROM (SELECT NULL::bigint AS query_id) since14 CROSS JOIN LATERAL (
            SELECT g.pid, g.datid, g.usesysid, g.application_name, g.client_addr, g.client_port,
                   g.backend_type, g.state, g.wait_event_type, g.wait_event, g.backend_start, g.xact_start,
                   g.query_start, g.state_change, g.leader_pid, g.backend_xmin, g.query, query_id,
                   coalesce(g.state_change < (SELECT CAST(:since AS timestamptz)) AND g.state = 'idle'
                            AND g.backend_type = 'client backend' AND g.wait_event = 'ClientRead', false) AS kept,
                   (SELECT current_setting('dbatop.limits', true) <> '') AS limited
              FROM pg_stat_get_activity(NULL) g OFFSET 0) a
), s AS MATERIALIZED (
     SELECT p.looked, o.pid, o.datid, o.usesysid, o.application_name, o.client_addr, o.client_port, o.backend_type,
            o.state, o.wait_event_type, o.wait_event, o.backend_start, o.xact_start, o.query_start,
            o.state_change, o.leader_pid, o.backend_xmin, o.query, o.query_id,
            o.backend_type IS NULL AS hidden,
            CASE WHEN o.backend_type IS NULL THEN o.usesysid IS NOT NULL AND o.datid IS NOT NULL
                 ELSE o.backend_type = 'client backend' END AS client
       FROM p, unnest(p.others)
            AS o(pid int, datid oid, usesysid oid, application_name text, client_addr inet, client_port int,
                 backend_type text, state text, wait_event_type text, wait_event text,
                 backend_start timestamptz, xact_start timestamptz, query_start timestamptz,
                 state_change timestamptz, leader_pid int, backend_xmin xid, query text, query_id bigint)
), n AS (
     SELECT p.kept + count(1) FILTER (WHERE s.client) AS connections,
            count(1) FILTER (WHERE s.client AND s.state IN ('active', 'fastpath function call')) AS active,
            p.kept + count(1) FILTER (WHERE s.client AND s.state = 'idle') AS idle,
            count(1) FILTER (WHERE s.client AND starts_with(s.state, 'idle in')) AS idle_in_xact,
            count(1) FILTER (WHERE s.client AND s.wait_event_type = 'Lock') AS waiting,
            count(1) FILTER (WHERE s.wait_event_type = 'Lock' OR s.wait_event IN ('SafeSnapshot', 'BufferPin')
                                OR starts_with(s.wait_event, 'RecoveryConflict')) AS lock_waiters,
            count(1) FILTER (WHERE s.hidden) AS hidden,
            count(1) FILTER (WHERE NOT s.client) AS background,
            min(s.xact_start) FILTER (WHERE s.client) AS oldest_xact,
            min(s.xact_start) FILTER (WHERE s.client AND starts_with(s.state, 'idle in')) AS oldest_idle_xact
       FROM p, s
      GROUP BY p.kept
), w AS (
     SELECT count(DISTINCT k.pid) AS waiters FROM pg_locks k
      WHERE NOT k.granted AND (SELECT n.hidden > 0 FROM n)
), l AS (
     SELECT 'max_connections' AS name, n.connections AS used,
            current_setting('max_connections')::bigint
            - current_setting('superuser_reserved_connections')::bigint
            - coalesce(current_setting('reserved_connections', true)::bigint, 0) AS max
       FROM n
     UNION ALL
     SELECT CASE left(e.entry, 1) WHEN 'd' THEN 'database ' ELSE 'role ' END
            || '{' || split_part(e.entry, '=', 1) || '}',
            (SELECT count(1) FROM (
                    SELECT CASE left(e.entry, 1) WHEN 'd' THEN s.datid ELSE s.usesysid END FROM s WHERE s.client
                     UNION ALL
                    SELECT unnest(CASE left(e.entry, 1) WHEN 'd' THEN p.kept_dbs ELSE p.kept_roles END) FROM p
                    ) o(id)
              WHERE o.id = substr(split_part(e.entry, '=', 1), 2)::oid),
            split_part(e.entry, '=', 2)::bigint
       FROM unnest(string_to_array(NULLIF(current_setting('dbatop.limits', true), ''), ' ')) e(entry)
), tightest AS (
     SELECT l.name, l.used, l.max FROM l
      ORDER BY l.used::float8 / greatest(l.max, 1) DESC, l.name LIMIT 1
), d AS (
     SELECT sum(pg_stat_get_db_xact_commit(o))::bigint AS commits,
            sum(pg_stat_get_db_xact_rollback(o))::bigint AS rollbacks,
            sum(pg_stat_get_db_blocks_fetched(o))::bigint AS fetched,
            sum(pg_stat_get_db_blocks_hit(o))::bigint AS hits,
            sum(pg_stat_get_db_deadlocks(o))::bigint AS deadlocks,
            sum(pg_stat_get_db_temp_bytes(o))::bigint AS temp_bytes
       FROM unnest(NULLIF(current_setting('dbatop.databases', true), '')::oid[]) o
), c AS (
SELECT n.connections, n.active, n.idle, n.idle_in_xact,
       greatest(n.waiting, w.waiters) AS waiting,
       greatest(n.lock_waiters, w.waiters) AS lock_waiters,
       n.hidden, n.background,
       (date_part('epoch', clock_timestamp() - n.oldest_xact) * 1000)::bigint AS oldest_xact_ms,
       (date_part('epoch', clock_timestamp() - n.oldest_idle_xact) * 1000)::bigint AS oldest_idle_xact_ms,
       tightest.name AS "limit_name@names", tightest.used AS limit_used, tightest.max AS limit_max,
       d.commits + d.rollbacks AS xacts, d.commits, d.rollbacks, NULL::bigint AS queries,
       d.hits AS cache_hits, d.fetched - d.hits AS cache_reads, d.deadlocks, d.temp_bytes,
       NULL::bigint AS aborted, NULL::bigint AS history_list
  FROM n, w, d, tightest
)
SELECT NULL AS id, NULL AS started, NULL AS "user@names", NULL AS "db@names", NULL AS app, NULL AS client,
       NULL AS kind, NULL AS state, NULL AS command, NULL AS wait_type, NULL AS wait, NULL AS xact_ms,
       NULL AS query_ms, NULL AS state_ms, NULL AS leader, NULL AS rows_locked, NULL AS rows_modified,
       NULL AS progress, NULL AS phase, NULL AS "query@bytes", NULL AS query_bytes, NULL AS query_id,
       NULL AS xact_guard, NULL AS query_guard, NULL AS superuser, NULL AS sync_wait, NULL AS own,
       NULL AS backend_xmin_age,
       c.connections AS "pulse.connections", c.active AS "pulse.active", c.idle AS "pulse.idle",
       c.idle_in_xact AS "pulse.idle_in_xact", c.waiting AS "pulse.waiting",
       c.lock_waiters AS "pulse.lock_waiters", c.hidden AS "pulse.hidden", c.background AS "pulse.background",
       c.oldest_xact_ms AS "pulse.oldest_xact_ms", c.oldest_idle_xact_ms AS "pulse.oldest_idle_xact_ms",
       c."limit_name@names" AS "pulse.limit_name@names", c.limit_used AS "pulse.limit_used",
       c.limit_max AS "pulse.limit_max", c.xacts AS "pulse.xacts", c.commits AS "pulse.commits",
       c.rollbacks AS "pulse.rollbacks", c.queries AS "pulse.queries", c.cache_hits AS "pulse.cache_hits",
       c.cache_reads AS "pulse.cache_reads", c.deadlocks AS "pulse.deadlocks",
       c.temp_bytes AS "pulse.temp_bytes", c.aborted AS "pulse.aborted",
       c.history_list AS "pulse.history_list",
       NULL::bigint AS "kept.stamp", statement_timestamp()::text AS "kept.since",
       (date_part('epoch', p.looked) * 1000000)::bigint AS "kept.now",
       p.ids AS "kept.ids", p.stamps AS "kept.stamps"
  FROM p, c
UNION ALL
(SELECT s.pid AS id,
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
       (date_part('epoch', s.looked - s.xact_start) * 1000)::bigint AS xact_ms,
       CASE WHEN s.state IN ('active', 'fastpath function call')
            THEN (date_part('epoch', s.looked - s.query_start) * 1000)::bigint END AS query_ms,
       (date_part('epoch', s.looked - s.state_change) * 1000)::bigint AS state_ms,
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
       s.query_id::text AS query_id,
       s.xact_start::text AS xact_guard,
       s.query_start::text AS query_guard,
       s.usesysid = ANY ((SELECT NULLIF(current_setting('dbatop.superusers', true), '')::oid[])::oid[])
           AS superuser,
       s.wait_event = 'SyncRep' AS sync_wait,
       coalesce(starts_with(s.application_name, 'dbatop/'), false) AS own,
       age(s.backend_xmin) AS backend_xmin_age,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL,
       CASE WHEN s.state = 'idle' AND s.client AND s.wait_event = 'ClientRead'
            THEN (date_part('epoch', s.state_change) * 1000000)::bigint END,
       NULL, NULL, NULL, NULL
  FROM s
  LEFT JOIN (
       SELECT g.pid,
              CASE r.kind
              WHEN 'VACUUM' THEN g.param2
              WHEN 'ANALYZE' THEN g.param2
              WHEN 'CREATE INDEX' THEN CASE WHEN g.param16 > 0 THEN g.param16 ELSE g.param12 END
              WHEN 'CLUSTER' THEN g.param6
              WHEN 'BASEBACKUP' THEN g.param2
              WHEN 'COPY' THEN g.param2 END AS total,
              CASE r.kind
              WHEN 'VACUUM' THEN CASE WHEN g.param1 < 2 THEN g.param3 END
              WHEN 'ANALYZE' THEN CASE WHEN g.param1 IN (1, 2) THEN g.param3 END
              WHEN 'CREATE INDEX' THEN CASE WHEN g.param16 > 0 THEN g.param17 ELSE g.param13 END
              WHEN 'CLUSTER' THEN CASE WHEN g.param2 = 1 THEN g.param7 END
              WHEN 'BASEBACKUP' THEN g.param3
              WHEN 'COPY' THEN g.param1 END AS done,
              CASE r.kind
              WHEN 'VACUUM' THEN 'vacuum: ' || CASE g.param1 WHEN 0 THEN 'initializing' WHEN 1 THEN 'scanning heap'
                   WHEN 2 THEN 'vacuuming indexes' WHEN 3 THEN 'vacuuming heap' WHEN 4 THEN 'cleaning up indexes'
                   WHEN 5 THEN 'truncating heap' WHEN 6 THEN 'final cleanup' END
              WHEN 'ANALYZE' THEN 'analyze: ' || CASE g.param1 WHEN 0 THEN 'initializing'
                   WHEN 1 THEN 'sampling rows' WHEN 2 THEN 'sampling inherited rows'
                   WHEN 3 THEN 'computing statistics' WHEN 4 THEN 'computing extended statistics'
                   WHEN 5 THEN 'finalizing' END
              WHEN 'CREATE INDEX' THEN CASE WHEN g.param1 IN (3, 4) THEN 'reindex: ' ELSE 'create index: ' END
                   || CASE g.param10 WHEN 0 THEN 'initializing' WHEN 1 THEN 'waiting for writers before build'
                   WHEN 2 THEN 'building' WHEN 3 THEN 'waiting for writers before validation'
                   WHEN 4 THEN 'validation: scanning index' WHEN 5 THEN 'validation: sorting'
                   WHEN 6 THEN 'validation: scanning table' WHEN 7 THEN 'waiting for old snapshots'
                   WHEN 8 THEN 'waiting for readers before marking dead'
                   WHEN 9 THEN 'waiting for readers before dropping' END
              WHEN 'CLUSTER' THEN CASE g.param1 WHEN 1 THEN 'cluster: ' ELSE 'rewrite: ' END
                   || CASE g.param2 WHEN 0 THEN 'initializing' WHEN 1 THEN 'seq scanning heap'
                   WHEN 2 THEN 'index scanning heap' WHEN 3 THEN 'sorting tuples' WHEN 4 THEN 'writing new heap'
                   WHEN 5 THEN 'swapping files' WHEN 6 THEN 'rebuilding index' WHEN 7 THEN 'final cleanup' END
              WHEN 'BASEBACKUP' THEN 'base backup: ' || CASE g.param1 WHEN 0 THEN 'initializing'
                   WHEN 1 THEN 'waiting for checkpoint' WHEN 2 THEN 'estimating size'
                   WHEN 3 THEN 'streaming files' WHEN 4 THEN 'waiting for archiving'
                   WHEN 5 THEN 'transferring wal' END
              WHEN 'COPY' THEN 'copy' END AS phase
         FROM unnest(CASE WHEN current_setting('server_version_num')::int < 140000
                          THEN '{VACUUM,ANALYZE,CREATE INDEX,CLUSTER,BASEBACKUP}'::text[]
                          ELSE '{VACUUM,ANALYZE,CREATE INDEX,CLUSTER,BASEBACKUP,COPY}' END) r(kind)
        CROSS JOIN LATERAL pg_stat_get_progress_info(r.kind) g
        LIMIT 64) p ON p.pid = s.pid
 ORDER BY CASE WHEN s.wait_event_type = 'Lock' OR starts_with(s.state, 'idle in') THEN 0
               WHEN s.xact_start IS NOT NULL AND s.backend_type IS DISTINCT FROM 'walsender' THEN 1
               WHEN s.state = 'active' THEN 2
               WHEN s.backend_type IS NULL THEN 3
               WHEN s.state = 'idle' THEN 5
               ELSE 4 END,
          CASE WHEN s.state <> 'idle' THEN coalesce(s.xact_start, s.query_start, s.backend_start) END
 LIMIT :rows)
 LIMIT :rows + 1
