-- probe: locks   lane: fast   every: 1s   timeout: 800ms   rows: 12000
-- versions: postgres 13-18     needs: pg_monitor | else: parallel workers are not known as such, waits of replay are hidden
-- when: pulse.lock_waiters > 0
-- column: queue key label · kind label · object label · id key count · gid label · held key bool · place count
-- column: mode key label · waiting_ms duration · blockers label · likely bool
--
-- One pass over pg_locks tells who waits; who blocks is asked of the server (pg_blocking_pids) for each waiter, and
-- above 200 waiters for the first of each queue and mode. Of the granted locks only those of named blockers are
-- returned. Behind one hot row a waiter is blocked by all before it: where all want the same and exclude each other
-- the number of them (place) says as much as their list, which is left out there, being quadratic.
-- No catalog is read: relations are {c16384}, put in by the driver from its own list of names.
-- Before 14 nothing tells how long somebody waits: waitstart is then the NULL of the row beside. The order of arrival is
-- guessed there by the start of the statement, and only where it is not asked.
WITH k AS MATERIALIZED (
     SELECT l.pid, l.granted, l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid,
            l.transactionid, l.classid, l.objid, l.objsubid, l.mode, l.virtualtransaction, l.waitstart
       FROM (SELECT NULL::timestamptz AS waitstart) since14 CROSS JOIN LATERAL (
            SELECT g.pid, g.granted, g.locktype, g.database, g.relation, g.page, g.tuple, g.virtualxid,
                   g.transactionid, g.classid, g.objid, g.objsubid, g.mode, g.virtualtransaction, waitstart
              FROM pg_locks g) l
      WHERE l.mode <> 'SIReadLock'
), a AS MATERIALIZED (
     SELECT s.pid, s.leader_pid, s.wait_event, s.datid, s.query_start
       FROM pg_stat_get_activity(NULL) s
      WHERE s.leader_pid <> s.pid OR s.pid = pg_backend_pid() OR s.wait_event IN ('SafeSnapshot', 'BufferPin')
         OR starts_with(s.wait_event, 'RecoveryConflict')
         OR s.wait_event_type = 'Lock' AND (SELECT current_setting('server_version_num')::int < 140000)
), here AS (
     SELECT a.datid FROM a WHERE a.pid = pg_backend_pid()
), u AS (
     SELECT k.pid, k.locktype, k.database, k.relation, k.page, k.tuple, k.virtualxid, k.transactionid,
            k.classid, k.objid, k.objsubid, k.mode, k.waitstart, coalesce(k.waitstart, a.query_start) AS since,
            -- On a standby nobody but replay can ask for this mode.
            k.mode = 'AccessExclusiveLock' AND k.locktype = 'relation' AND pg_is_in_recovery() AS replay,
            concat_ws('/', k.locktype, k.database, k.relation, k.page, k.tuple, k.virtualxid,
                      k.transactionid, k.classid, k.objid, k.objsubid) AS queue
       FROM k
       LEFT JOIN a ON a.pid = k.pid
      WHERE NOT k.granted AND k.pid IS NOT NULL
), w AS MATERIALIZED (
     SELECT u.pid, u.locktype, u.database, u.relation, u.page, u.tuple, u.virtualxid, u.transactionid,
            u.classid, u.objid, u.objsubid, u.mode, u.waitstart, u.since, u.replay, u.queue,
            count(1) OVER () > 200 AS many,
            row_number() OVER (PARTITION BY u.queue, u.mode ORDER BY u.since, u.pid) AS nth,
            row_number() OVER (PARTITION BY u.queue ORDER BY u.since, u.pid) AS place,
            min(u.mode) OVER (PARTITION BY u.queue) = max(u.mode) OVER (PARTITION BY u.queue)
            AND u.mode IN ('ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                           'AccessExclusiveLock') AS alike,
            bool_or(u.replay) OVER (PARTITION BY u.queue) AS conflict
       FROM u
), own AS MATERIALIZED (
     -- Who holds a weaker mode of what it waits for: the server puts it before those whom it would block.
     SELECT w.queue, w.pid
       FROM w
       JOIN k ON k.pid = w.pid AND k.locktype = w.locktype AND k.granted
             AND coalesce(k.relation, 0::oid) = coalesce(w.relation, 0::oid)
             AND coalesce(k.objid, 0::oid) = coalesce(w.objid, 0::oid)
      WHERE w.locktype NOT IN ('tuple', 'transactionid', 'virtualxid', 'extend')
        AND (k.database, k.page, k.classid, k.objsubid) IS NOT DISTINCT FROM
            (w.database, w.page, w.classid, w.objsubid)
), asked AS MATERIALIZED (
     SELECT f.pid, f.queue, f.mode, f.nth, f.many, pg_blocking_pids(f.pid) AS blockers
       FROM (SELECT w.pid, w.queue, w.mode, w.nth, w.many
               FROM w WHERE (w.nth = 1 OR NOT w.many OR w.pid IN (SELECT own.pid FROM own)) AND NOT w.replay
              ORDER BY w.nth > 1, w.locktype = 'tuple', w.since, w.pid LIMIT 200) f
), named AS (
     SELECT f.queue, b AS pid FROM asked f CROSS JOIN unnest(f.blockers) b WHERE f.nth = 1
     UNION
     SELECT own.queue, own.pid FROM own
), wanted AS (
     SELECT n.id, n.pid, w.queue, w.locktype, coalesce(w.relation, 0::oid) AS relation,
            coalesce(w.objid, 0::oid) AS objid, coalesce(w.transactionid, '0'::xid) AS xid,
            w.database, w.page, w.tuple, w.virtualxid, w.classid, w.objsubid
       FROM (SELECT named.queue, named.pid AS id, named.pid FROM named
             UNION ALL
             SELECT named.queue, named.pid, a.pid FROM named JOIN a ON a.leader_pid = named.pid AND a.pid <> named.pid) n
       JOIN w ON w.queue = n.queue AND w.place = 1
), held AS MATERIALIZED (
     SELECT n.queue, k.mode, n.id, CASE WHEN k.pid IS NULL THEN k.virtualtransaction END AS prepared
       FROM k
       JOIN wanted n ON n.pid = coalesce(k.pid, 0) AND n.locktype = k.locktype AND n.xid = coalesce(k.transactionid, '0'::xid)
                    AND n.relation = coalesce(k.relation, 0::oid) AND n.objid = coalesce(k.objid, 0::oid)
      WHERE k.granted
        AND (k.database, k.page, k.tuple, k.virtualxid, k.classid, k.objsubid) IS NOT DISTINCT FROM
            (n.database, n.page, n.tuple, n.virtualxid, n.classid, n.objsubid)
     UNION
     -- Nobody was asked: replay, whose readers the server does not name, and what is beyond the 200.
     SELECT w.queue, k.mode, coalesce(l.leader_pid, k.pid, 0),
            CASE WHEN k.pid IS NULL THEN k.virtualtransaction END
       FROM w
       JOIN k ON k.granted AND k.locktype = w.locktype AND coalesce(k.relation, 0::oid) = coalesce(w.relation, 0::oid)
             AND coalesce(k.objid, 0::oid) = coalesce(w.objid, 0::oid)
             AND coalesce(k.transactionid, '0'::xid) = coalesce(w.transactionid, '0'::xid)
       LEFT JOIN a l ON l.pid = k.pid AND l.leader_pid <> l.pid
      WHERE w.nth = 1 AND w.pid NOT IN (SELECT f.pid FROM asked f)
        AND (k.database, k.page, k.tuple, k.virtualxid, k.classid, k.objsubid) IS NOT DISTINCT FROM
            (w.database, w.page, w.tuple, w.virtualxid, w.classid, w.objsubid)
), ahead AS (
     -- Where such a one really stands: behind the last waiter that blocks it.
     SELECT own.pid, max(x.place) AS place
       FROM own
       JOIN asked f ON f.pid = own.pid
      CROSS JOIN unnest(f.blockers) b
       JOIN w x ON x.pid = b AND x.queue = own.queue AND x.pid NOT IN (SELECT o.pid FROM own o)
      GROUP BY own.pid
), trimmed AS (
     -- Of many only the first is asked: without those of its own kind that the server puts before it.
     SELECT f.pid, string_agg(b::text, ' ') AS blockers
       FROM asked f
      CROSS JOIN unnest(f.blockers) b
       LEFT JOIN w x ON x.pid = b AND x.queue = f.queue AND x.mode = f.mode
      WHERE f.many AND (x.pid IS NULL OR (f.queue, b) IN (SELECT own.queue, own.pid FROM own))
      GROUP BY f.pid
), t AS MATERIALIZED (
     SELECT k.pid, CASE WHEN k.database IN (0, (SELECT here.datid FROM here)) THEN '{c' || k.relation || '}'
                        ELSE 'relation ' || k.relation || ' of {d' || k.database || '}' END
                   || ' (' || k.page || ',' || k.tuple || ')' AS spot
       FROM k
      WHERE CASE k.locktype WHEN 'tuple' THEN k.granted ELSE false END
), spots AS (
     -- The row for which somebody waits for a transaction.
     SELECT w.queue, CASE WHEN count(t.spot) = count(1) AND min(t.spot) = max(t.spot) THEN min(t.spot) END AS spot
       FROM w
       LEFT JOIN t ON t.pid = w.pid
      WHERE CASE w.locktype WHEN 'transactionid' THEN true ELSE false END
      GROUP BY w.queue
), q AS (
     SELECT w.queue,
            CASE WHEN w.conflict THEN 'recovery conflict'
                 WHEN w.locktype = 'transactionid' THEN 'transaction'
                 WHEN w.locktype = 'virtualxid' THEN 'virtual transaction'
                 WHEN w.locktype = 'userlock' THEN 'user'
                 ELSE w.locktype END AS kind,
            CASE WHEN r.spot IS NOT NULL THEN r.spot
                 WHEN w.locktype IN ('transactionid', 'applytransaction')
                 THEN coalesce('transaction ' || w.transactionid, 'remote transaction ' || w.objid)
                 WHEN w.locktype = 'virtualxid' THEN 'virtual transaction ' || w.virtualxid
                 WHEN w.locktype = 'advisory' AND w.objsubid = 1
                 THEN 'key ' || ((w.classid::bigint << 32) | w.objid::bigint)
                 WHEN w.locktype = 'advisory'
                 THEN 'key ' || w.classid::bigint::bit(32)::int || ', ' || w.objid::bigint::bit(32)::int
                 WHEN w.relation IS NOT NULL AND w.database IN (0, here.datid)
                 THEN '{c' || w.relation || '}'
                 WHEN w.relation IS NOT NULL THEN 'relation ' || w.relation
                 WHEN w.classid = 1262 THEN 'database {d' || w.objid || '}'
                 WHEN w.classid = 1260 THEN 'role {r' || w.objid || '}'
                 WHEN w.classid IS NOT NULL THEN '{c' || w.classid || '} ' || w.objid END
            || CASE WHEN w.tuple IS NOT NULL THEN ' (' || w.page || ',' || w.tuple || ')'
                    WHEN w.page IS NOT NULL THEN ' page ' || w.page ELSE '' END
            || CASE WHEN w.database NOT IN (0, here.datid) THEN ' of {d' || w.database || '}' ELSE '' END AS object
       FROM w
      CROSS JOIN here
       LEFT JOIN spots r ON r.queue = w.queue
      WHERE w.place = 1
)
SELECT 'note:grouped' AS queue, 'note' AS kind,
       'grouped: ' || count(1) || ' waiters in ' || count(1) FILTER (WHERE w.nth = 1) || ' groups' AS "object@names",
       NULL::int AS id, NULL::text AS gid, true AS held, NULL::bigint AS place, 'grouped' AS mode,
       NULL::bigint AS waiting_ms, NULL::text AS blockers, NULL::bool AS likely
  FROM w
HAVING bool_or(w.many)
UNION ALL
SELECT h.queue, q.kind, NULL, h.id, p.gid, true, NULL, h.mode, NULL, NULL, NULL
  FROM held h
  JOIN q ON q.queue = h.queue
  LEFT JOIN (SELECT k.virtualtransaction, x.gid
               FROM k JOIN pg_prepared_xact() x ON x.transaction = k.transactionid
              WHERE k.pid IS NULL AND k.granted AND k.locktype = 'transactionid') p
    ON p.virtualtransaction = h.prepared
UNION ALL
SELECT w.queue, q.kind, CASE WHEN w.place = 1 THEN q.object END, w.pid, NULL, false,
       CASE WHEN w.pid IN (SELECT own.pid FROM own) AND f.pid IS NOT NULL THEN coalesce(2 * d.place, 0) + 1
            WHEN w.alike AND NOT w.many AND f.pid IS NOT NULL THEN 2 * cardinality(f.blockers)
            ELSE 2 * w.place END, w.mode,
       (date_part('epoch', clock_timestamp() - w.waitstart) * 1000)::bigint,
       CASE WHEN f.pid IS NULL THEN NULL
            WHEN w.many THEN coalesce(t.blockers, '')
            WHEN w.nth = 1 OR NOT w.alike OR w.queue IN (SELECT own.queue FROM own)
            THEN array_to_string(f.blockers, ' ') END,
       NULL
  FROM w
  JOIN q ON q.queue = w.queue
  LEFT JOIN asked f ON f.pid = w.pid
  LEFT JOIN trimmed t ON t.pid = w.pid
  LEFT JOIN ahead d ON d.pid = w.pid
UNION ALL
-- Waits that are no lock of pg_locks. Who is in the way is known for a safe snapshot only, else likely.
SELECT x.kind || '/' || a.pid, x.kind, NULL, a.pid, NULL, false, NULL, NULL, NULL,
       CASE WHEN x.kind = 'safe snapshot' THEN array_to_string(pg_safe_snapshot_blocking_pids(a.pid), ' ') END, NULL
  FROM a
 CROSS JOIN LATERAL (SELECT CASE a.wait_event WHEN 'SafeSnapshot' THEN 'safe snapshot'
                                 WHEN 'BufferPin' THEN 'buffer pin' ELSE 'recovery conflict' END AS kind) x
 WHERE a.wait_event IN ('SafeSnapshot', 'BufferPin') OR starts_with(a.wait_event, 'RecoveryConflict')
UNION ALL
SELECT x.kind || '/' || a.pid, x.kind, NULL, coalesce(r.pid, -1), NULL, true, NULL, NULL, NULL, NULL, r.pid IS NOT NULL
  FROM a
 CROSS JOIN LATERAL (SELECT CASE a.wait_event WHEN 'BufferPin' THEN 'buffer pin'
                                 ELSE 'recovery conflict' END AS kind) x
  LEFT JOIN LATERAL ((SELECT s.pid FROM pg_stat_get_activity(NULL) s
                       WHERE (a.wait_event = 'RecoveryConflictSnapshot' OR a.wait_event = 'BufferPin' AND pg_is_in_recovery())
                         AND s.backend_xmin IS NOT NULL AND s.pid <> pg_backend_pid()
                       ORDER BY age(s.backend_xmin) DESC LIMIT 1)
                     UNION ALL
                     -- A page that VACUUM waits for is held by one of those who use its table.
                     (SELECT h.pid
                        FROM k m JOIN k h ON h.granted AND h.locktype = 'relation' AND h.database = m.database
                                         AND h.relation = m.relation AND h.pid <> m.pid
                       WHERE a.wait_event = 'BufferPin' AND m.pid = a.pid AND m.granted
                         AND m.locktype = 'relation' AND m.mode = 'ShareUpdateExclusiveLock'
                       GROUP BY h.pid LIMIT 20)) r ON true
 WHERE a.wait_event = 'BufferPin' OR starts_with(a.wait_event, 'RecoveryConflict')
 ORDER BY 6 DESC, 9 DESC NULLS LAST, 4
 LIMIT :rows
