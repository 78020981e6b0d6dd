-- probe: blockers   lane: fast   every: 1s   timeout: 800ms   rows: 1000
-- versions: postgres 13-18
-- when: pulse.lock_waiters > 0
-- column: waiter key count · blocker key count · waiting_ms duration · kind label · object label
--
-- Who blocks is asked of the server (pg_blocking_pids), for the first ten waiters of each queue and mode and for
-- 200 at most; those further back wait for the same holders. Each waiter shows at most eight who hold the lock and
-- the first that waits in front of it, instead of all pairs: behind one hot row these are 135,000. Before 14 nothing
-- tells how long somebody waits (waitstart is found in the row of NULLs beside it), so the order of a queue is
-- unknown.
-- A pass over all sessions costs more than the rest: their wait events alone find who waits for something that is
-- not in pg_locks. On a standby it is made all the same, since startup is no backend.
-- Blocker 0 is a prepared transaction; -1 is a wait whose cause the server does not tell.
WITH k AS MATERIALIZED (
     SELECT l.pid, l.granted, l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid,
            l.transactionid, l.classid, l.objid, l.objsubid, l.mode, l.waitstart
       FROM (SELECT NULL::timestamptz AS waitstart) since14 CROSS JOIN LATERAL (
            SELECT g.pid, g.granted, g.locktype, g.database, g.relation, g.page, g.tuple, g.virtualxid,
                   g.transactionid, g.classid, g.objid, g.objsubid, g.mode, waitstart
              FROM pg_locks g
             WHERE NOT g.granted OR g.locktype IN ('tuple', 'relation')) l
), a AS MATERIALIZED (
     SELECT pg_stat_get_backend_pid(b) AS pid, NULL::text AS backend_type,
            pg_stat_get_backend_wait_event(b) AS wait_event
       FROM pg_stat_get_backend_idset() b
      WHERE NOT (SELECT pg_is_in_recovery())
        AND pg_stat_get_backend_wait_event(b) IN ('SafeSnapshot', 'BufferPin')
     UNION ALL
     SELECT s.pid, s.backend_type, s.wait_event FROM pg_stat_get_activity(NULL) s
      WHERE (SELECT pg_is_in_recovery())
        AND (s.wait_event IN ('SafeSnapshot', 'BufferPin') OR s.backend_type = 'startup')
), here AS (
     SELECT s.datid FROM pg_stat_get_activity(pg_backend_pid()) s
), v AS (
     SELECT current_setting('server_version_num')::int >= 140000 AS ordered
), w AS MATERIALIZED (
     SELECT x.pid, x.locktype, x.database, x.relation, x.virtualxid, x.transactionid, x.classid, x.objid, x.mode,
            x.waitstart, x.queue,
            row_number() OVER (PARTITION BY x.queue, x.mode ORDER BY x.waitstart, x.pid) AS place
       FROM (SELECT DISTINCT ON (k.pid) k.pid, k.locktype, k.database, k.relation, k.virtualxid, k.transactionid,
                    k.classid, k.objid, k.mode, k.waitstart,
                    concat_ws('/', k.locktype, k.database, k.relation, k.page, k.tuple, k.virtualxid,
                              k.transactionid, k.classid, k.objid, k.objsubid) AS queue
               FROM k WHERE NOT k.granted AND k.pid IS NOT NULL
              ORDER BY k.pid, k.waitstart) x
), asked AS MATERIALIZED (
     SELECT f.pid, f.queue, f.mode, f.place,
            ARRAY(SELECT DISTINCT b FROM unnest(pg_blocking_pids(f.pid)) b WHERE b <> f.pid) AS blockers
       FROM (SELECT w.pid, w.queue, w.mode, w.place FROM w WHERE w.place <= 10
              ORDER BY w.place > 1, w.locktype = 'tuple', w.waitstart, w.pid LIMIT 200) f
), found AS MATERIALIZED (
     SELECT r.waiter, r.queue, r.mode, r.place, r.blocker, r.soft
       FROM (SELECT q.pid AS waiter, q.queue, q.mode, q.place, b AS blocker, s.pid IS NOT NULL AS soft,
                    row_number() OVER (PARTITION BY q.pid, s.pid IS NOT NULL ORDER BY s.waitstart, b) AS nth
               FROM asked q
              CROSS JOIN LATERAL unnest(q.blockers) b
               LEFT JOIN w s ON s.pid = b AND s.queue = q.queue) r
      WHERE r.nth <= CASE WHEN r.soft THEN 1 ELSE 8 END
), behind AS (
     SELECT w.pid, w.queue, w.mode FROM w WHERE w.pid NOT IN (SELECT q.pid FROM asked q)
), edges AS (
     SELECT f.waiter, f.blocker FROM found f
     UNION
     SELECT b.pid, f.blocker
       FROM behind b JOIN found f ON f.queue = b.queue AND f.mode = b.mode AND f.place = 1
      WHERE f.blocker <> b.pid AND (NOT f.soft OR (SELECT v.ordered FROM v))
     UNION
     -- Behind the first of their own kind, when such requests exclude each other.
     SELECT b.pid, q.pid
       FROM behind b JOIN asked q ON q.queue = b.queue AND q.mode = b.mode AND q.place = 1
      WHERE b.mode IN ('ExclusiveLock', 'AccessExclusiveLock', 'ShareRowExclusiveLock', 'ShareUpdateExclusiveLock')
        AND NOT EXISTS (SELECT 1 FROM found f WHERE f.waiter = q.pid AND f.soft)
        AND (SELECT v.ordered FROM v)
     UNION
     -- On a standby replay waits for readers, which pg_blocking_pids does not say.
     SELECT w.pid, coalesce(h.pid, -1)
       FROM a JOIN w ON w.pid = a.pid
       LEFT JOIN k h ON h.granted AND h.pid <> w.pid AND h.locktype = w.locktype AND h.database = w.database
                    AND h.relation = w.relation
      WHERE a.backend_type = 'startup' AND pg_is_in_recovery()
), t AS (
     SELECT DISTINCT ON (k.pid) k.pid, k.relation, k.database FROM k
      WHERE k.granted AND k.locktype = 'tuple' ORDER BY k.pid
)
SELECT e.waiter, e.blocker,
       (date_part('epoch', clock_timestamp() - w.waitstart) * 1000)::bigint AS waiting_ms,
       CASE WHEN w.locktype = 'transactionid' AND t.relation IS NOT NULL THEN 'row' ELSE w.locktype END AS kind,
       CASE WHEN w.locktype = 'advisory' THEN 'key ' || w.classid || ', ' || w.objid
            WHEN coalesce(w.relation, t.relation) IS NULL
            THEN coalesce('transaction ' || w.transactionid, 'virtual transaction ' || w.virtualxid)
            WHEN coalesce(w.database, t.database) IN (0, (SELECT here.datid FROM here))
            THEN coalesce(w.relation, t.relation)::regclass::text
            ELSE 'relation ' || coalesce(w.relation, t.relation) || ' of {d' || coalesce(w.database, t.database)
                 || '}' END AS "object@names"
  FROM edges e
  JOIN w ON w.pid = e.waiter
  LEFT JOIN t ON t.pid = e.waiter AND w.locktype = 'transactionid'
UNION ALL
SELECT a.pid, coalesce(b, -1), NULL::bigint,
       CASE a.wait_event WHEN 'SafeSnapshot' THEN 'safe snapshot' WHEN 'BufferPin' THEN 'buffer pin'
            ELSE 'recovery conflict' END, NULL::text
  FROM a
  LEFT JOIN LATERAL unnest(CASE WHEN a.wait_event = 'SafeSnapshot' THEN pg_safe_snapshot_blocking_pids(a.pid) END) b
       ON true
 WHERE a.wait_event IN ('SafeSnapshot', 'BufferPin') OR starts_with(a.wait_event, 'RecoveryConflict')
 ORDER BY 3 DESC NULLS LAST, 1, 2
 LIMIT :rows
