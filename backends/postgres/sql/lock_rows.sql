-- probe: lock_rows   lane: admin   timeout: 2s   rows: 200
-- versions: postgres 13-18
-- param: id int
-- column: id key count · kind key label · object key label · mode key label · held key bool · locks count · waiting_ms duration
--
-- What one session holds and waits for, workers of a parallel query included; no catalog is read. Locks of one mode
-- on the rows of one relation are one row here. Before 14 there is no waitstart: the name then means the NULL of the row
-- beside.
WITH g AS (
     SELECT s.pid, s.datid FROM pg_stat_get_activity(NULL) s
      WHERE s.pid IN (:id::int, pg_backend_pid()) OR s.leader_pid = :id::int
), here AS (
     SELECT g.datid FROM g WHERE g.pid = pg_backend_pid()
), l AS (
     SELECT CASE k.locktype WHEN 'transactionid' THEN 'transaction' WHEN 'virtualxid' THEN 'virtual transaction'
                 WHEN 'userlock' THEN 'user' ELSE k.locktype END AS kind,
            CASE WHEN k.relation IS NOT NULL AND k.database IN (0, here.datid) THEN '{c' || k.relation || '}'
                 WHEN k.relation IS NOT NULL THEN 'relation ' || k.relation
                 WHEN k.transactionid IS NOT NULL THEN 'transaction ' || k.transactionid
                 WHEN k.virtualxid IS NOT NULL THEN 'virtual transaction ' || k.virtualxid
                 WHEN k.locktype = 'advisory' AND k.objsubid = 1
                 THEN 'key ' || ((k.classid::bigint << 32) | k.objid::bigint)
                 WHEN k.locktype = 'advisory'
                 THEN 'key ' || k.classid::bigint::bit(32)::int || ', ' || k.objid::bigint::bit(32)::int
                 WHEN k.classid = 1262 THEN 'database {d' || k.objid || '}'
                 WHEN k.classid = 1260 THEN 'role {r' || k.objid || '}'
                 WHEN k.classid IS NOT NULL THEN '{c' || k.classid || '} ' || k.objid END
            || CASE WHEN k.database NOT IN (0, here.datid) THEN ' of {d' || k.database || '}' ELSE '' END AS object,
            k.mode, k.granted, CASE WHEN NOT k.granted THEN k.waitstart END AS waitstart
       FROM (SELECT NULL::timestamptz AS waitstart) since14
      CROSS JOIN LATERAL (SELECT g.locktype, g.database, g.relation, g.virtualxid, g.transactionid, g.classid, g.objid,
                                 g.objsubid, g.pid, g.mode, g.granted, waitstart FROM pg_locks g) k
      CROSS JOIN here
      WHERE k.pid IN (SELECT g.pid FROM g WHERE g.pid <> pg_backend_pid() OR g.pid = :id::int)
)
SELECT :id AS id, l.kind, l.object AS "object@names", l.mode, l.granted AS held, count(1) AS locks,
       (date_part('epoch', clock_timestamp() - min(l.waitstart)) * 1000)::bigint AS waiting_ms
  FROM l
 GROUP BY l.kind, l.object, l.mode, l.granted
 ORDER BY l.granted, count(1) DESC, l.kind, l.object
 LIMIT :rows
