-- probe: blockers   lane: fast   every: 1s   timeout: 800ms   rows: 1000
-- versions: postgres 14-18
-- when: pulse.lock_waiters > 0
-- column: waiter key count · blocker key count · waiting_ms duration · kind label · object label
--
-- Who blocks is asked of the server (pg_blocking_pids) for waiters only, for 200 at most: those that do not wait
-- for a tuple first (behind one hot row hundreds wait for the tuple and one for the transaction that holds it),
-- then the longest waits; then once more for blockers that wait themselves. In a long queue each waiter shows
-- those who hold the lock and the first in front of it, eight at most, instead of all pairs.
-- Blocker 0 is a prepared transaction; -1 is a wait whose cause the server does not tell.
WITH k AS MATERIALIZED (
     SELECT l.pid, l.granted, l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid,
            l.transactionid, l.classid, l.objid, l.objsubid, l.mode, l.waitstart AS waitstart
       FROM pg_locks l
), a AS MATERIALIZED (
     SELECT s.pid, s.datid, s.backend_type, s.wait_event FROM pg_stat_get_activity(NULL) s
      WHERE s.pid = pg_backend_pid() OR s.wait_event IN ('SafeSnapshot', 'BufferPin')
         OR s.backend_type = 'startup'
), here AS (
     SELECT a.datid FROM a WHERE a.pid = pg_backend_pid()
), w AS MATERIALIZED (
     SELECT DISTINCT ON (k.pid) k.pid, k.locktype, k.database, k.relation, k.page, k.tuple, k.virtualxid,
            k.transactionid, k.classid, k.objid, k.objsubid, k.waitstart
       FROM k WHERE NOT k.granted AND k.pid IS NOT NULL
      ORDER BY k.pid, k.waitstart
), first AS MATERIALIZED (
     SELECT w.pid, ARRAY(SELECT DISTINCT b FROM unnest(pg_blocking_pids(w.pid)) b WHERE b <> w.pid) AS blockers
       FROM (SELECT x.pid FROM w x ORDER BY x.locktype = 'tuple', x.waitstart, x.pid LIMIT 200) w
), second AS MATERIALIZED (
     SELECT w.pid, ARRAY(SELECT DISTINCT b FROM unnest(pg_blocking_pids(w.pid)) b WHERE b <> w.pid) AS blockers
       FROM (SELECT x.pid FROM w x
              WHERE x.pid IN (SELECT unnest(f.blockers) FROM first f) AND x.pid NOT IN (SELECT f.pid FROM first f)
              ORDER BY x.pid LIMIT 100) w
), pairs AS (
     SELECT f.pid AS waiter, b AS blocker FROM first f, unnest(f.blockers) b
     UNION ALL
     SELECT f.pid, b FROM second f, unnest(f.blockers) b
), ranked AS (
     SELECT p.waiter, p.blocker,
            row_number() OVER (PARTITION BY p.waiter ORDER BY q.pid IS NOT NULL, q.waitstart, p.blocker) AS place
       FROM pairs p
       JOIN w ON w.pid = p.waiter
       LEFT JOIN w q ON q.pid = p.blocker AND (q.locktype, q.database, q.relation, q.page, q.tuple, q.virtualxid,
                q.transactionid, q.classid, q.objid, q.objsubid) IS NOT DISTINCT FROM (w.locktype, w.database,
                w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
), edges AS (
     SELECT r.waiter, r.blocker FROM ranked r WHERE r.place <= 8
     UNION
     -- On a standby replay waits for readers, which pg_blocking_pids does not say.
     SELECT w.pid, coalesce(h.pid, -1)
       FROM a JOIN w ON w.pid = a.pid
       LEFT JOIN k h ON h.granted AND h.pid <> w.pid AND h.locktype = w.locktype AND h.database = w.database
                    AND h.relation = w.relation
      WHERE a.backend_type = 'startup' AND pg_is_in_recovery()
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
  LEFT JOIN LATERAL (SELECT k.relation, k.database FROM k
                      WHERE k.pid = e.waiter AND k.locktype = 'tuple' AND k.granted LIMIT 1) t
       ON w.locktype = 'transactionid'
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
