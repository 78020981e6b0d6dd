-- probe: account   lane: slow   every: 60s   timeout: 800ms   rows: 1
-- versions: mysql 8.0.22-9.7
-- column: account label · statistics bool · replication bool · acts bool
--
-- What this login may: see others' sessions whole, see replication, cancel and terminate. What a role brings is
-- not listed here, so with an active role a missing privilege is unknown.
SELECT CURRENT_USER() AS account,
       IF(g.stats > 0, 1, IF(CURRENT_ROLE() = 'NONE', 0, NULL)) AS statistics,
       IF(g.stats > 0, 1, IF(CURRENT_ROLE() = 'NONE', 0, NULL)) AS replication,
       IF(g.acts > 0, 1, IF(CURRENT_ROLE() = 'NONE', 0, NULL)) AS acts
  FROM (SELECT (SELECT COUNT(1) FROM information_schema.USER_PRIVILEGES u
                 WHERE u.GRANTEE = a.grantee AND u.PRIVILEGE_TYPE = 'SELECT')
               + (SELECT COUNT(1) FROM information_schema.SCHEMA_PRIVILEGES s
                   WHERE s.GRANTEE = a.grantee AND s.PRIVILEGE_TYPE = 'SELECT'
                     AND s.TABLE_SCHEMA = 'performance_schema') AS stats,
               (SELECT COUNT(1) FROM information_schema.USER_PRIVILEGES u
                 WHERE u.GRANTEE = a.grantee AND u.PRIVILEGE_TYPE IN ('CONNECTION_ADMIN', 'SUPER')) AS acts
          FROM (SELECT CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''') AS grantee) a) g
 LIMIT :rows
