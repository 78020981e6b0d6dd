-- probe: statement   lane: admin   every: 1s   timeout: 800ms   rows: 1
-- versions: mysql 8.0.22-9.7
-- param: id int
-- needs: PROCESS | else: only own statements
-- column: id count key · started key time · query sqltext · query_bytes bytes
--
-- The whole statement of one session; performance_schema cuts it at 1024 characters, this does not.
SELECT p.ID AS id,
       NULL AS started,
       LEFT(p.INFO, 1048576) AS query,
       OCTET_LENGTH(p.INFO) AS query_bytes
  FROM information_schema.PROCESSLIST p
 WHERE p.ID = :id
 LIMIT :rows
