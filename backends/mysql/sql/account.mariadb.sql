-- probe: account   lane: slow   every: 60s   timeout: 800ms   rows: 1
-- versions: mariadb 10.5-11
-- column: account label · statistics bool · replication bool · acts bool
--
-- What this login may: see others' sessions whole, see replication, cancel and terminate. What a role brings is
-- not listed here, so with an active role a missing privilege is unknown.
SELECT CURRENT_USER() AS account,
       IF(g.stats > 0, 1, IF(CURRENT_ROLE() IS NULL, 0, NULL)) AS statistics,
       IF(g.replication > 0, 1, IF(CURRENT_ROLE() IS NULL, 0, NULL)) AS replication,
       IF(g.acts > 0, 1, IF(CURRENT_ROLE() IS NULL, 0, NULL)) AS acts
  FROM (SELECT SUM(u.PRIVILEGE_TYPE = 'PROCESS') AS stats,
               SUM(u.PRIVILEGE_TYPE IN ('SLAVE MONITOR', 'REPLICA MONITOR', 'SUPER')) AS replication,
               SUM(u.PRIVILEGE_TYPE IN ('CONNECTION ADMIN', 'SUPER')) AS acts
          FROM information_schema.USER_PRIVILEGES u
         WHERE u.GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')) g
 LIMIT :rows
