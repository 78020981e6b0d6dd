-- probe: pulse   lane: fast   every: 1s   timeout: 800ms   rows: 1
-- versions: postgres 13-18     needs: pg_monitor | else: other users' sessions are counted as hidden
-- column: connections count · active count · idle count · idle_in_xact count · waiting count
-- column: lock_waiters count · hidden count · background count
-- column: oldest_xact_ms duration · oldest_idle_xact_ms duration
-- column: limit_name label · limit_used count · limit_max count
-- column: xacts counter · commits counter · rollbacks counter · queries counter
-- column: cache_hits counter · cache_reads counter · deadlocks counter · temp_bytes counter
-- column: aborted counter · history_list count
--
-- Reads no catalog, so it goes on while pg_database is locked: which databases there are and what limits they and
-- the roles have is in settings of dbatop's own session ('{0,1,5}' and 'd5=20 r16384=10'), refreshed every minute.
-- A hidden session is a client when it has a user and a database. Without pg_monitor the waiters are counted in
-- pg_locks, which everybody may read.
-- The idle are many and only counted, the others are looked at; from n to d it is the text of sessions.sql, which
-- answers this probe in passing when both are due.
WITH p AS MATERIALIZED (
     SELECT count(1) FILTER (WHERE a.kept) AS kept,
            array_agg(a.datid) FILTER (WHERE a.kept AND a.limited) AS kept_dbs,
            array_agg(a.usesysid) FILTER (WHERE a.kept AND a.limited) AS kept_roles,
            array_agg(ROW(a.datid, a.usesysid, a.backend_type, a.state, a.wait_event_type, a.wait_event,
                          a.xact_start))
            FILTER (WHERE NOT a.kept) AS others
       FROM (
            SELECT g.datid, g.usesysid, g.backend_type, g.state, g.wait_event_type, g.wait_event, g.xact_start,
                   coalesce(g.state = 'idle' AND g.backend_type = 'client backend'
                            AND g.wait_event = 'ClientRead', false) AS kept,
                   (SELECT current_setting('dbatop.limits', true) <> '') AS limited
              FROM pg_stat_get_activity(NULL) g OFFSET 0) a
), s AS MATERIALIZED (
     SELECT o.datid, o.usesysid, o.backend_type, o.state, o.wait_event_type, o.wait_event, o.xact_start,
            o.backend_type IS NULL AS hidden,
            CASE WHEN o.backend_type IS NULL THEN o.usesysid IS NOT NULL AND o.datid IS NOT NULL
                 ELSE o.backend_type = 'client backend' END AS client
       FROM p, unnest(p.others)
            AS o(datid oid, usesysid oid, backend_type text, state text, wait_event_type text,
                 wait_event text, xact_start timestamptz)
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
)
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
 LIMIT :rows
