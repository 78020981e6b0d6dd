-- probe: statement   lane: admin   every: 1s   timeout: 800ms   rows: 1
-- versions: mariadb 10.5-11
-- param: id int
-- needs: PROCESS | else: only own statements
-- column: id count key · started key time · query sqltext · query_bytes bytes
--
-- The whole statement of one session, as the bytes its client sent.
SELECT p.ID AS id,
       NULL AS started,
       LEFT(p.INFO_BINARY, 1048576) AS query,
       OCTET_LENGTH(p.INFO_BINARY) AS query_bytes
  FROM information_schema.PROCESSLIST p
 WHERE p.ID = :id
 LIMIT :rows
